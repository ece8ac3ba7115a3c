"""The library for assistants, by the Model Context Protocol (MCP): four tools that only read."""

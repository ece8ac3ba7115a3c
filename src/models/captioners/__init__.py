"""What describes pictures in words: models that run elsewhere, asked over HTTP as OpenAI's interface has it."""

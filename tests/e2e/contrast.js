// All texts in sight, in the page and in shadow roots, with the contrast between each and what is behind it (WCAG 2.1), lowest first.
() => {
  const parse = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3])).concat(1);
  const parent = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host ?? null;
  const chain = (node) => (node ? [node, ...chain(parent(node))] : []);
  const holds = (node, x, y) => {
    const place = node.getBoundingClientRect();
    return place.left <= x && x <= place.right && place.top <= y && y <= place.bottom;
  };
  const behind = (nodes, place) => {
    const [x, y] = [place.left + place.width / 2, place.top + place.height / 2];
    const under = nodes.filter((node) => node === document.body || holds(node, x, y));  // what is drawn outside its parent is not on it
    return under.reduceRight((ground, node) => over(parse(getComputedStyle(node).backgroundColor), ground), [255, 255, 255, 1]);
  };
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const found = [];
  const visit = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) visit(node.shadowRoot);
      const own = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE).map((child) => child.data.trim()).join(" ").trim();
      const text = own || (node.matches("input:not([type=range], [type=checkbox], [type=radio]), textarea") ? node.value || node.placeholder : "");
      const place = node.getBoundingClientRect();
      if (!text || !place.width || !place.height || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      const nodes = chain(node);
      if (nodes.some((other) => other.matches?.(":disabled, [aria-disabled=true], [hidden], style, script, [aria-hidden=true], [data-testid=stIconMaterial], [role=img]"))) continue;
      const empty = node.matches("input, textarea") && !node.value;
      const ground = behind(nodes, place);
      const style = getComputedStyle(node, empty ? "::placeholder" : null);
      const faded = nodes.reduce((product, other) => product * Number(getComputedStyle(other).opacity), empty ? Number(style.opacity) : 1);
      const colour = parse(style.color);
      const shown = over([...colour.slice(0, 3), colour[3] * faded], ground);
      found.push({ text: text.slice(0, 60), ratio: Math.round(ratio(shown, ground) * 100) / 100, colour: style.color, ground: ground.map(Math.round).slice(0, 3).join(",") });
    }
  };
  visit(document.body);
  return found.sort((one, other) => one.ratio - other.ratio);
}

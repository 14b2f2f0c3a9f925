() => {
  // The contrast of every visible text with what is behind it (WCAG 2, relative luminance).
  const rgb = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
  const behind = (node) => {
    if (node.namespaceURI.endsWith("svg")) {
      const shape = node.classList.contains("badge-text") ? ".badge" : node.closest(".box") ? ".body" : null;
      const found = shape && node.closest(".box, .frame").querySelector(shape);
      if (found) return rgb(getComputedStyle(found).fill);
    }
    for (let one = node; one instanceof Element; one = one.parentElement) {
      const colour = rgb(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const colour = rgb(node instanceof SVGElement ? style.fill : style.color);
    found.push([Math.round(ratio(colour, behind(node)) * 100) / 100, node.textContent.slice(0, 30), node.getAttribute("class")]);
  }
  return found;
}

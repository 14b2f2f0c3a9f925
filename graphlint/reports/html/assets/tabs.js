"use strict";
// Parameters, compilation, releases, security, and what was not looked at.

// Squarified treemap (Bruls, Huizing, van Wijk 2000): rows of rectangles as close to squares as they can be.
function treemap(items, x, y, width, height) {
  const found = [];
  let rest = items.filter((item) => item.size > 0).sort((one, other) => other.size - one.size);
  let total = rest.reduce((sum, item) => sum + item.size, 0);
  while (rest.length) {
    const side = Math.min(width, height);
    const area = (width * height) / total;
    let [row, sum, best] = [[], 0, Infinity];
    for (const item of rest) {
      const next = sum + item.size;
      const thick = (next * area) / side;
      const ratio = Math.max(...[...row, item].map((one) => { const long = (one.size * area) / thick; return Math.max(long / thick, thick / long); }));
      if (row.length && ratio > best) break;
      row.push(item);
      [sum, best] = [next, ratio];
    }
    const thick = (sum * area) / side;
    let along = 0;
    for (const item of row) {
      const long = (item.size * area) / thick;
      found.push(width >= height ? { item, x, y: y + along, width: thick, height: long } : { item, x: x + along, y, width: long, height: thick });
      along += long;
    }
    if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
    rest = rest.slice(row.length);
    total -= sum;
  }
  return found;
}

function layerSizes(model) {
  return model.layers.map((layer, index) => {
    const size = (layer.v || []).reduce((sum, one) => sum + one.d.reduce((product, side) => product * side, 1), 0);
    const unreachable = (layer.v || []).some((one) => one.u);
    const trainable = (layer.v || []).some((one) => !one.f);
    const shared = (layer.v || []).some((one) => one.h) || (layer.aliases || []).length > 0;
    return { index, layer, size, unreachable, trainable, shared };
  }).filter((one) => one.size > 0);
}

function parametersTab(model, go) {
  const counts = DATA.parameters;
  const sizes = layerSizes(model).sort((one, other) => other.size - one.size);
  const rows = counts ? [["total", counts.total], ["trainable", counts.trainable], ["not trainable", counts.non_trainable],
    ["counted twice, if each layer is counted", counts.counted_twice], ["reach no output", counts.unreachable]].map(([key, value]) => [key, number(value)]) : [];
  const most = 250;
  const items = sizes.slice(0, most);
  if (sizes.length > most) items.push({ size: sizes.slice(most).reduce((sum, one) => sum + one.size, 0), rest: sizes.length - most });
  const picture = svg("svg", { class: "treemap", viewBox: "0 0 960 420", role: "img", "aria-label": "parameters of each layer as areas; the table below has the same numbers" });
  for (const { item, x, y, width, height } of treemap(items, 0, 0, 960, 420)) {
    const text = item.rest ? `${number(item.rest)} smaller layers` : item.layer.p;
    const classes = item.rest ? "rest" : [item.trainable ? "trainable" : "fixed", item.shared ? "shared" : "", item.unreachable ? "unreachable" : ""].join(" ");
    const cell = svg("g", { class: `cell ${classes}`, onclick: () => { if (!item.rest) go(item.index); } },
      svg("rect", { x, y, width: Math.max(0, width - 1), height: Math.max(0, height - 1) }),
      svg("title", {}, `${text}: ${number(item.size)}`));
    if (width > 60 && height > 16) {
      cell.append(svg("text", { x: x + 4, y: y + 13 }, short(text, Math.floor(width / 7))));
      if (height > 30) cell.append(svg("text", { x: x + 4, y: y + 27, class: "minor" }, short(number(item.size) + (item.unreachable ? " unreachable" : item.trainable ? "" : " fixed"), Math.floor(width / 7))));
    }
    picture.append(cell);
  }
  const words = (one) => [one.trainable ? null : "not trained", one.shared ? "shared" : null, one.unreachable ? "reaches no output" : null].filter(Boolean).join(", ");
  const listed = [...sizes.filter((one) => one.unreachable || one.shared), ...sizes.filter((one) => !one.unreachable && !one.shared)].slice(0, 300);
  return [el("h2", {}, "Parameters"), rows.length ? table(null, rows, "counts") : el("p", {}, "No weights are known."), sizes.length ? picture : null,
    sizes.length ? table(["layer", "class", "parameters", ""], listed.map((one) => [one.layer.p, one.layer.c, number(one.size), words(one)]), "layers with parameters, shared and unreachable ones first") : null,
    sizes.length > listed.length ? el("p", {}, `${number(sizes.length - listed.length)} more layers with fewer parameters.`) : null].filter(Boolean);
}

function compilationTab(model) {
  if (!model.compile.length) return [el("h2", {}, "Compilation"), el("p", {}, "The model is not compiled, or the file does not say how.")];
  return [el("h2", {}, "Compilation"), table(["setting", "value"], model.compile, "compilation")];
}

function releasesTab(model) {
  const rows = model.releases.map(([release, found]) => [`Keras ${release}`, found.length ? el("b", { class: "bad" }, "no") : "yes, as far as the configuration shows",
    found.map(([message, hint, layers]) => el("p", {}, message, layers && layers !== "." ? ` (${layers})` : "", el("span", { class: "hint" }, ` → ${hint}`)))]);
  return [el("h2", {}, "Releases"), el("p", {}, "Which releases of Keras load the model, by their classes and arguments. Nothing was loaded. Classes of your own must be passed or registered in any of them."),
    table(["release", "loads", "what prevents it"], rows, "releases")];
}

function securityTab(model) {
  const found = model.findings.filter((one) => /^X[0-9]/.test(one.code));
  return [el("h2", {}, "Security"),
    found.length ? found.map((one) => el("p", {}, severityTag(one.severity), ` ${one.code} ${one.name}${one.at ? ` at ${one.at}` : ""}: ${one.message}`))
      : el("p", {}, DATA.ran.some((code) => /^X/.test(code)) ? `Nothing that the security rules look for was found (${DATA.ran.filter((code) => /^X[0-9]/.test(code)).join(" ")}).` : "The security rules did not run."),
    el("h3", {}, "Code that is not Keras's own"),
    model.custom.length ? table(["class", "module", "for example"], model.custom, "custom classes") : el("p", {}, "None: every class is one of Keras.")];
}

function runTab() {
  const skipped = new Map();
  for (const [code, reason] of DATA.skipped) skipped.set(reason, [...(skipped.get(reason) || []), code]);
  return [el("h2", {}, "What was not looked at"),
    DATA.opaque.length ? [el("h3", {}, "Opaque, not checked inside"), el("p", {}, DATA.opaque.join(", "))] : null,
    DATA.opened.length ? [el("h3", {}, "Opened: seen as their code ran"), el("p", {}, DATA.opened.join(", "))] : null,
    skipped.size ? [el("h3", {}, "Rules that did not run"), table(["why", "rules"], [...skipped].map(([reason, codes]) => [reason, codes.join(" ")]), "rules that did not run")] : el("p", {}, "Every selected rule ran."),
    DATA.suppressed ? el("p", {}, `${plural(DATA.suppressed, "finding")} ignored by the configuration.`) : null,
    DATA.notes.map((note) => el("p", {}, `note: ${note}`))].flat(Infinity).filter(Boolean);
}

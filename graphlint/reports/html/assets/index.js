"use strict";
// Many models: a table that sorts and filters, rules against models, and groups of one architecture.

function sortable(head, rows, name) {
  let [by, down] = [null, true];
  const body = el("tbody", {});
  const headers = head.map((title, column) => el("th", { scope: "col", "aria-sort": "none" }, el("button", { type: "button", class: "sort", onclick: () => {
    down = by === column ? !down : typeof rows[0]?.keys[column] === "number";
    by = column;
    headers.forEach((header, index) => header.setAttribute("aria-sort", index === by ? (down ? "descending" : "ascending") : "none"));
    fill();
  } }, title)));
  let wanted = () => true;
  const fill = () => {
    const listed = rows.filter((row) => wanted(row));
    if (by !== null) {
      listed.sort((one, other) => {
        const [a, b] = [one.keys[by], other.keys[by]];
        const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
        return down ? -order : order;
      });
    }
    emptied(body).append(...listed.slice(0, 2000).map((row) => row.element ||= row.make()));
    return listed.length;
  };
  return { element: el("table", { "aria-label": name }, el("thead", {}, el("tr", {}, headers)), body), filter: (test) => { wanted = test; return fill(); }, fill };
}

function indexPage() {
  const models = DATA.models;
  const rows = models.map((model, index) => ({ model, keys: [model.name, model.status, model.found[0], model.found[1], model.found[2], model.fixable, model.parameters ?? -1, model.class || ""], make: () => el("tr", { id: `m${index}` },
    el("td", {}, model.page ? linkTo(model.page, model.name) : model.name),
    el("td", {}, model.status, model.reason ? el("span", { class: "minor" }, ` ${model.reason}`) : null),
    model.found.map((count, place) => el("td", { class: count ? `count sev-${SEVERITIES[place]}` : "count" }, number(count))),
    el("td", { class: "count" }, number(model.fixable)), el("td", { class: "count" }, model.parameters === null ? "" : number(model.parameters)),
    el("td", {}, model.class || "")) }));
  const list = sortable(["model", "status", "errors", "warnings", "info", "fixable", "parameters", "architecture"], rows, "models");
  const count = el("p", { class: "count", role: "status" });
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = list.filter(({ model }) => (status.value === "" || (status.value === "found" ? model.found.some(Boolean) : status.value === "clean" ? model.status === "checked" && !model.found.some(Boolean) : model.status === status.value))
      && words.every((word) => `${model.name} ${model.class || ""} ${model.codes.map(([code]) => DATA.codes[code]).join(" ")}`.toLowerCase().includes(word)));
    count.textContent = `${number(shown)} of ${plural(models.length, "model")}`;
  };
  const search = el("input", { type: "search", id: "search", placeholder: "search models, rules, architectures", "aria-label": "search models, rules, architectures", oninput: apply });
  const status = el("select", { "aria-label": "status", onchange: apply }, [["", "all"], ["found", "with findings"], ["clean", "clean"], ["refused", "refused"], ["skipped", "skipped"]].map(([value, text]) => el("option", { value }, text)));
  addTab("models", "Models", [el("div", { class: "filters row" }, search, status), count, el("div", { class: "wide" }, list.element)]);
  addTab("heat", "Rules and models", [], () => heatMap(models));
  addTab("groups", "Architectures", [], () => groupsTab(models));
  if (DATA.findings.length) addTab("findings", "Findings", [], () => new Cards(DATA.findings, DATA.explanations, () => {}).root);
  addTab("run", "Not looked at", [], () => [el("h2", {}, "What was not looked at"), DATA.skipped.length ? table(["why", "rules", "models"], DATA.skipped, "rules that did not run") : el("p", {}, "Every selected rule ran."), DATA.notes.map((note) => el("p", {}, `note: ${note}`))].flat());
  apply();
  showTab("models");
}

// A page is a file beside this one, whose name graphlint made: nothing else is ever linked.
function linkTo(page, text) {
  const anchor = el("a", {}, text);
  if (/\/[0-9]+\.html$/.test(page)) anchor.setAttribute("href", `./${page.split("/").map(encodeURIComponent).join("/")}`);
  return anchor;
}

function heatMap(models) {
  const totals = DATA.codes.map((text, code) => ({ code, text, count: 0, models: 0, severity: 2 }));
  for (const model of models) for (const [code, count, severity] of model.codes) { totals[code].count += count; totals[code].models += 1; totals[code].severity = Math.min(totals[code].severity, severity); }
  const rules = totals.filter((one) => one.count).sort((one, other) => other.models - one.models || other.count - one.count).slice(0, 80);
  const shown = models.filter((model) => model.codes.length).slice(0, 300);
  const head = el("tr", {}, el("th", { scope: "col" }, "model"), rules.map((rule) => el("th", { scope: "col", class: "turned", title: rule.text }, el("span", {}, rule.text.split(" ")[0]))));
  const body = shown.map((model) => {
    const counts = new Map(model.codes.map(([code, count, severity]) => [code, [count, severity]]));
    return el("tr", {}, el("th", { scope: "row" }, model.page ? linkTo(model.page, model.name) : model.name), rules.map((rule) => {
      const [number_, severity] = counts.get(rule.code) || [0, 2];
      return el("td", { class: number_ ? `heat sev-${SEVERITIES[severity]} level-${Math.min(4, 1 + Math.floor(Math.log2(number_)))}` : "heat", title: number_ ? `${rule.text}: ${number(number_)}` : null }, number_ || "");
    }));
  });
  return [el("h2", {}, "Rules and models"), shown.length ? el("div", { class: "wide" }, el("table", { class: "heatmap", "aria-label": "findings of each rule in each model" }, el("thead", {}, head), el("tbody", {}, body))) : el("p", {}, "Nothing found."),
    models.filter((model) => model.codes.length).length > shown.length ? el("p", {}, `The first ${number(shown.length)} models with findings are shown.`) : null,
    el("h3", {}, "Rules"), table(["rule", "findings", "models"], rules.map((rule) => [rule.text, number(rule.count), number(rule.models)]), "rules")].filter(Boolean);
}

function groupsTab(models) {
  const groups = new Map();
  for (const model of models) if (model.shape) groups.set(model.shape, [...(groups.get(model.shape) || []), model]);
  const several = [...groups.values()].sort((one, other) => other.length - one.length);
  return [el("h2", {}, "Architectures"), el("p", {}, "Models with the same layers, settings and wiring, whatever their names and weights."),
    table(["architecture", "models", "findings"], several.slice(0, 1000).map((group) => [group[0].class || "", group.slice(0, 50).map((model) => el("div", {}, model.page ? linkTo(model.page, model.name) : model.name)), number(group.reduce((sum, model) => sum + model.found.reduce((one, other) => one + other, 0), 0))]), "architectures")];
}

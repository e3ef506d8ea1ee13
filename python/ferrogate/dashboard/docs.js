"use strict";
// Shows openapi.json: every operation with its parameters, body, answers and a form that sends it. All text goes in
// by textContent.

const TOKEN = "ferrogate.admin-token";
const $ = (id) => document.getElementById(id);
const root = new URL("./", location.href);
let api = {};

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Text with `code` marks, as the descriptions use them.
function prose(text, name = "p") {
  const parts = (text || "").split(/(`[^`]+`)/).filter(Boolean);
  return element(name, {}, ...parts.map((part) => part.startsWith("`") ? element("code", { textContent: part.slice(1, -1) }) : part));
}

const resolve = (schema) => schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema;

function typeOf(schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  return schema.type || "any";
}

function example(schema, depth = 0) {
  if (schema?.examples?.length) return schema.examples[0];
  const found = resolve(schema);
  if (!found || depth > 5) return null;
  if (found.examples?.length) return found.examples[0];
  if (found.default !== undefined) return found.default;
  if (found.enum) return found.enum[0];
  if (found.anyOf) return example(found.anyOf[0], depth + 1);
  if (found.type === "object") return Object.fromEntries(Object.entries(found.properties || {}).map(([name, inner]) => [name, example(inner, depth + 1)]));
  if (found.type === "array") return [example(found.items, depth + 1)];
  return { string: "", integer: 0, number: 0, boolean: true }[found.type] ?? null;
}

function requestExample(schema) {
  const found = resolve(schema);
  if (!found?.properties) return example(schema);
  const names = found.required?.length ? found.required : Object.keys(found.properties);
  return Object.fromEntries(names.map((name) => [name, example(found.properties[name])]));
}

function fields(rows) {
  const table = element("table", { className: "fields" });
  table.append(element("tbody", {}, ...rows.map(([name, type, text]) => element("tr", {},
    element("td", {}, element("code", { textContent: name })), element("td", { className: "dim", textContent: type }), prose(text, "td")))));
  return element("div", { className: "scroll" }, table);
}

function schemaFields(schema) {
  const found = resolve(schema);
  if (!found?.properties) return element("p", { className: "dim", textContent: typeOf(schema) });
  return fields(Object.entries(found.properties).map(([name, inner]) => {
    const needed = found.required?.includes(name) ? "" : inner.default !== undefined ? `; default ${JSON.stringify(inner.default)}` : "";
    return [name, typeOf(inner) + needed, inner.description || ""];
  }));
}

function tryForm(verb, path, operation) {
  const inputs = (operation.parameters || []).map((parameter) => {
    const input = element("input", { placeholder: parameter.schema?.examples?.[0] ?? "", spellcheck: false });
    return { ...parameter, input };
  });
  const bodySchema = operation.requestBody?.content?.["application/json"]?.schema;
  const given = bodySchema?.examples?.[0] ?? (bodySchema && requestExample(bodySchema));
  const body = bodySchema && element("textarea", { value: JSON.stringify(given, null, 2), spellcheck: false });
  const output = element("pre", { hidden: true, tabIndex: 0 });
  const form = element("form", { className: "try" });
  for (const { name, input, required } of inputs) form.append(element("label", {}, required ? `${name} (needed)` : name, input));
  if (body) form.append(body);
  form.append(element("div", {}, element("button", { className: "primary", textContent: "Send" })), output);
  form.onsubmit = async (event) => {
    event.preventDefault();
    let target = path;
    const query = new URLSearchParams();
    for (const { name, in: where, input } of inputs) {
      if (where === "path") target = target.replace(`{${name}}`, encodeURIComponent(input.value));
      else if (input.value) query.set(name, input.value);
    }
    const headers = {};
    if ($("token").value) headers.authorization = `Bearer ${$("token").value}`;
    if (body) headers["content-type"] = "application/json";
    output.hidden = false;
    output.textContent = "...";
    try {
      const url = new URL(target.replace(/^\//, "") + (query.size ? `?${query}` : ""), root);
      const answer = await fetch(url, { method: verb, headers, body: body ? body.value : undefined });
      const text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it came */ }
      output.textContent = `${answer.status} ${answer.statusText}\n${shown}`;
    } catch (error) { output.textContent = String(error); }
  };
  return form;
}

function operationOf(verb, path, operation) {
  const inside = element("div", {}, prose(operation.description));
  if (operation.parameters?.length) {
    inside.append(element("h3", { textContent: "Parameters" }), fields(operation.parameters.map((parameter) => [parameter.name, `${parameter.in}, ${typeOf(parameter.schema)}`, parameter.description || parameter.schema?.description || ""])));
  }
  const bodySchema = operation.requestBody?.content?.["application/json"]?.schema;
  if (bodySchema) inside.append(element("h3", { textContent: "Body" }), schemaFields(bodySchema));
  inside.append(element("h3", { textContent: "Answers" }));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const schema = answer.content?.["application/json"]?.schema;
    const line = prose(answer.description === "Successful Response" ? "Done." : answer.description);
    line.prepend(element("code", { textContent: status }), " ");
    inside.append(line);
    if (schema && status.startsWith("2")) inside.append(schemaFields(schema));
  }
  inside.append(tryForm(verb, path, operation));
  return element("details", { className: "op", id: operation.operationId },
    element("summary", {}, element("span", { className: `verb ${verb}`, textContent: verb }), element("code", { textContent: path }), element("span", { className: "dim", textContent: operation.summary || "" })), inside);
}

async function load() {
  const token = sessionStorage.getItem(TOKEN);
  if (token) $("token").value = token;
  const answer = await fetch(new URL("openapi.json", root), { headers: token ? { authorization: `Bearer ${token}` } : {} });
  if (!answer.ok) { $("about").append(element("p", { className: "notice bad", textContent: `openapi.json: ${answer.status}` })); return; }
  api = await answer.json();
  $("version").textContent = api.info.version;
  for (const part of api.info.description.split("\n\n")) $("about").append(prose(part));
  const groups = new Map();
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const tag = operation.tags?.[0] || "other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operationOf(verb.toUpperCase(), path, operation));
    }
  }
  for (const [tag, operations] of groups) $("operations").append(element("h2", { className: "group", textContent: tag }), ...operations);
  if (location.hash) { const one = $(location.hash.slice(1)); if (one) { one.open = true; one.scrollIntoView(); } }
}

load();

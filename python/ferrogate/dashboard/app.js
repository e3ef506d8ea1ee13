"use strict";
// The dashboard: one page over the admin API. All text goes in by textContent, so nothing a provider or a client
// sent can become markup. The admin token lives in sessionStorage: it goes with the tab.

const TOKEN = "ferrogate.admin-token";
const $ = (id) => document.getElementById(id);
const root = new URL("./", location.href);
let providers = [];
let timer = null;

class Problem extends Error {
  constructor(status, code, detail) { super(detail); this.status = status; this.code = code; }
}

async function call(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(`api/v1/${path}`, root), { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, "unreachable", "The gateway does not answer.");
  }
  if (answer.status === 204) return null;
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, found.code, found.detail || `The gateway answered ${answer.status}.`);
  return found;
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function say(id, text, kind = "bad") {
  const place = $(id);
  place.hidden = !text;
  place.textContent = text || "";
  place.className = place.className.replace(/\b(good|bad|warn)\b/g, "").trim() + ` ${kind}`;
}

const number = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const milliseconds = (value) => value === null ? "–" : value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : value >= 100 ? `${Math.round(value)} ms` : `${value.toFixed(value < 1 ? 2 : 1)} ms`;

function show(signedIn) {
  $("login").hidden = signedIn;
  $("content").hidden = !signedIn;
  $("logout").hidden = !(signedIn && sessionStorage.getItem(TOKEN));
}

function state(text, kind) {
  $("state").textContent = text;
  $("state").className = `pill ${kind}`;
}

function showStatus(status) {
  const draining = status.engine.draining;
  state(draining ? "draining" : "running", draining ? "bad" : "good");
  $("t-flight").textContent = status.engine.in_flight ?? "–";
  $("foot").textContent = `Ferrogate ${status.version} · up ${duration(status.uptime_seconds)} · ${status.auth_required ? "authentication on" : "authentication off: this machine only"}`;
  $("warnings").hidden = status.warnings.length === 0;
  $("warnings").replaceChildren(...status.warnings.map((text) => element("li", { textContent: text })));
}

function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function showKeys(keys) {
  $("no-keys").hidden = keys.length > 0;
  $("keys").hidden = keys.length === 0;
  $("keys").tBodies[0].replaceChildren(...keys.map((key) => {
    const test = element("button", { className: "small", textContent: "Test" });
    test.onclick = () => testKey(key, test);
    const actions = element("td", { className: "row-actions" }, test);
    if (key.source === "store") {
      const remove = element("button", { className: "small danger", textContent: "Delete" });
      remove.onclick = () => removeKey(key);
      actions.append(remove);
    }
    const where = key.source === "store" ? "data folder" : key.origin;
    const note = key.in_force ? (key.enabled ? "" : " (off)") : " (not in force)";
    return element("tr", { className: key.in_force && key.enabled ? "" : "off" },
      element("td", { textContent: key.provider }),
      element("td", { className: "clip", textContent: key.name, title: key.value }),
      element("td", { className: "mono roomy", textContent: key.value || "none" }),
      element("td", { className: "num roomy", textContent: key.weight }),
      element("td", { className: "clip roomy", textContent: key.models.join(", "), title: key.models.join(", ") }),
      element("td", { className: "clip dim roomy", textContent: where + note, title: where + note }),
      actions);
  }));
}

function showCurl(needsKey) {
  const model = $("curl-model").value;
  const lines = [`curl ${new URL("openai/v1/chat/completions", root)} \\`];
  if (needsKey) lines.push(`  -H "authorization: Bearer $GATEWAY_KEY" \\`);
  lines.push(`  -H "content-type: application/json" \\`, `  -d '${JSON.stringify({ model, messages: [{ role: "user", content: "Hello!" }] }).replaceAll("'", "'\\''")}'`);
  $("curl").textContent = lines.join("\n");
  $("base").textContent = new URL("openai", root).href;
}

const SAMPLE = { openai: "gpt-4o-mini", anthropic: "claude-haiku-4-5", mock: "echo", groq: "llama-3.1-8b-instant", mistral: "mistral-small-latest", deepseek: "deepseek-chat", openrouter: "openai/gpt-4o-mini", ollama: "llama3.2" };

function showModels(aliases, keys) {
  const usable = providers.filter((one) => one.configured || keys.some((key) => key.provider === one.name && key.in_force));
  const models = aliases.map((alias) => alias.name);
  for (const one of usable) models.push(`${one.name}/${SAMPLE[one.name] || "MODEL"}`);
  if (models.length === 0) models.push("openai/gpt-4o-mini");
  const before = $("curl-model").value;
  $("curl-model").replaceChildren(...models.map((model) => element("option", { textContent: model })));
  if (models.includes(before)) $("curl-model").value = before;
}

function showLogs(rows) {
  $("no-logs").hidden = rows.length > 0;
  $("logs").hidden = rows.length === 0;
  $("logs").tBodies[0].replaceChildren(...rows.map((row) => {
    const kind = row.outcome === "cut" || row.status >= 500 ? "bad" : row.status >= 400 ? "warn" : "good";
    const tokens = row.tokens.input === null && row.tokens.output === null ? "–" : `${row.tokens.input ?? "–"} / ${row.tokens.output ?? "–"}`;
    const tries = row.attempts.length > 1 ? ` ×${row.attempts.length}` : "";
    return element("tr", { title: `${row.request_id}${row.error ? ` · ${row.error}` : ""}` },
      element("td", { textContent: new Date(row.started_at).toLocaleTimeString([], { hour12: false }) }),
      element("td", { className: `status ${kind}`, textContent: row.outcome === "ok" || row.outcome === "error" ? row.status : `${row.status} ${row.outcome}` }),
      element("td", { className: "clip", textContent: row.model || row.path, title: row.model }),
      element("td", { className: "roomy", textContent: (row.provider || "–") + tries }),
      element("td", { className: "clip roomy", textContent: row.key || "–" }),
      element("td", { className: "num", textContent: milliseconds(row.latency.total_ms) }),
      element("td", { className: "num roomy", textContent: milliseconds(row.latency.ttft_ms) }),
      element("td", { className: "num roomy", textContent: milliseconds(row.latency.overhead_ms) }),
      element("td", { className: "num", textContent: tokens }));
  }));
}

async function refresh() {
  clearTimeout(timer);
  try {
    const status = await call("GET", "status");
    const [keys, aliases, listed, logs, stats] = await Promise.all([
      call("GET", "keys"), call("GET", "models"), call("GET", "providers"),
      call("GET", "logs?limit=20"), call("GET", "stats?bucket=5m")]);
    providers = listed.items;
    show(true);
    say("failure", "");
    showStatus(status);
    showKeys(keys.items);
    showModels(aliases.items, keys.items);
    showCurl(status.auth_required);
    $("curl-model").onchange = () => showCurl(status.auth_required);
    showLogs(logs.items);
    const totals = stats.totals;
    $("t-requests").textContent = number.format(totals.requests);
    $("t-errors").textContent = number.format(totals.errors);
    $("t-tokens").textContent = `${number.format(totals.input_tokens)} / ${number.format(totals.output_tokens)}`;
    if ($("add-form").hidden) fillProviders();
  } catch (problem) {
    if (problem.status === 401) {
      state("locked", "");
      show(false);
      if (sessionStorage.getItem(TOKEN)) { sessionStorage.removeItem(TOKEN); say("login-error", problem.message); }
      return;
    }
    state(problem.status === 0 ? "unreachable" : "error", "bad");
    if ($("login").hidden) { $("content").hidden = false; say("failure", problem.message); }
  }
  timer = setTimeout(refresh, document.hidden ? 15_000 : 3_000);
}

function fillProviders() {
  const options = providers.map((one) => element("option", { value: one.name, textContent: one.title === one.name ? one.name : `${one.title} (${one.name})` }));
  $("add-provider").replaceChildren(...options);
  if (providers.some((one) => one.name === "openai")) $("add-provider").value = "openai";
}

async function addKey(event) {
  event.preventDefault();
  const models = $("add-models").value.split(",").map((name) => name.trim()).filter(Boolean);
  const body = { provider: $("add-provider").value, value: $("add-value").value, weight: Number($("add-weight").value), models: models.length ? models : ["*"] };
  if ($("add-name").value.trim()) body.name = $("add-name").value.trim();
  try {
    await call("POST", "keys", body);
    closeForm();
    await refresh();
  } catch (problem) { say("add-error", problem.message); }
}

function closeForm() {
  $("add-form").reset();
  $("add-form").hidden = true;
  $("add-open").hidden = false;
  say("add-error", "");
}

async function testKey(key, button) {
  button.disabled = true;
  say("key-result", `Asking ${key.provider} ...`, "");
  try {
    const result = await call("POST", `keys/${encodeURIComponent(key.id)}/test`);
    say("key-result", `${key.name}: ${result.message}${result.latency_ms === null ? "" : ` (${milliseconds(result.latency_ms)})`}`, result.ok ? "good" : "bad");
  } catch (problem) { say("key-result", problem.message); }
  button.disabled = false;
}

async function removeKey(key) {
  if (!confirm(`Delete the key "${key.name}" of ${key.provider}?`)) return;
  try { await call("DELETE", `keys/${encodeURIComponent(key.id)}`); } catch (problem) { say("key-result", problem.message); }
  await refresh();
}

$("login-form").onsubmit = (event) => {
  event.preventDefault();
  say("login-error", "");
  sessionStorage.setItem(TOKEN, $("token").value.trim());
  $("token").value = "";
  refresh();
};
$("logout").onclick = () => { sessionStorage.removeItem(TOKEN); location.reload(); };
$("add-open").onclick = () => { fillProviders(); $("add-form").hidden = false; $("add-open").hidden = true; $("add-value").focus(); };
$("add-cancel").onclick = closeForm;
$("add-form").onsubmit = addKey;
$("copy").onclick = async () => {
  try { await navigator.clipboard.writeText($("curl").textContent); $("copy").textContent = "Copied"; } catch { getSelection().selectAllChildren($("curl")); $("copy").textContent = "Press Ctrl-C"; }
  setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
};
document.onvisibilitychange = () => { if (!document.hidden && $("login").hidden) refresh(); };
refresh();

// The first screen: what the run was and how it ended, in a few figures.

const STATE_WORDS = { finished: "Finished", interrupted: "Interrupted", stopped: "Stopped", training: "Still training, or killed", surface: "Trained; surfaces not finished", waiting: "No step recorded" };

const stateOf = run => {
  const { state, ended, epochs, epochs_planned: planned, steps, training_secs: training, elapsed_secs: elapsed } = run.summary;
  const word = ended === "early-stopping" ? "Stopped early, as planned" : STATE_WORDS[state] || state;
  const why = ended && !["finished", "early-stopping", "interrupted"].includes(ended) ? ` (${ended})` : "";
  const length = epochs ? `after ${planned && planned !== epochs ? `${epochs} of ${count(planned, "epoch")}` : count(epochs, "epoch")} and ${count(steps, "step")}` : `after ${count(steps, "step")}`;
  const time = isNumber(training) ? ` in ${duration(training)}` : "";
  const whole = isNumber(elapsed) && isNumber(training) && elapsed > training * 1.2 ? ` (${duration(elapsed)} with the surfaces)` : "";
  return `${word}${why} ${length}${time}${whole}`;
};

// Losses at the end and at their best; metrics likewise.
const figuresOf = run => {
  const out = [], { train, valid, epoch } = run.epochs, [trains, valids] = [nums(train), nums(valid)];
  const last = list => { const known = list.filter(v => v !== null); return known.length ? known[known.length - 1] : undefined; };
  const best = finite(valids).length ? least(finite(valids)) : null;
  const final = last(trains) ?? last(nums(run.loss.y));
  if (final !== undefined) out.push({ name: "training loss", value: show(final), note: trains.some(v => v !== null) ? "last epoch" : "last step" });
  if (best !== null) out.push({ name: "validation loss", value: show(last(valids)), note: `best ${show(best)}, epoch ${epoch[valids.indexOf(best)]}` });
  for (const metric of run.metrics.filter(it => it.split === "valid" && !/loss/i.test(it.metric)).slice(0, 2)) {
    const known = finite(nums(metric.curve.y));
    if (known.length) out.push({ name: `validation ${metric.metric.toLowerCase()}`, value: show(known[known.length - 1]), note: `${show(least(known))} to ${show(most(known))}` });
  }
  return out;
};

const rateOf = run => {
  const rates = finite(nums(run.lr.y));
  if (!rates.length) return null;
  const [low, high] = [least(rates), most(rates)];
  return low === high ? show(low) : `${show(rates[0])} → ${show(rates[rates.length - 1])}`;
};

const alertsOf = run => {
  const { error, warning, info } = run.summary.alerts;
  const parts = [[error, "error"], [warning, "warning"], [info, "hint"]].filter(([n]) => n).map(([n, word]) => count(n, word));
  return { total: error + warning + info, isBad: error > 0, words: parts.join(", ") || "none" };
};

const tilesOf = run => {
  const { steps, epochs, parameters, blocks, optimizer, training_secs: training } = run.summary, alerts = alertsOf(run);
  const rate = rateOf(run), pace = isNumber(training) && training > 0 && steps ? `${show(steps / training, 3)} steps/s` : "";
  return [
    ...figuresOf(run),
    { name: "steps", value: show(steps), note: epochs ? count(epochs, "epoch") : "" },
    isNumber(training) && { name: "training time", value: duration(training), note: pace },
    { name: "parameters", value: large(parameters), note: count(blocks, "block") },
    (optimizer || rate) && { name: optimizer ? "optimizer" : "learning rate", value: optimizer ? cut(optimizer, 22) : rate, note: optimizer && rate ? `learning rate ${rate}` : "" },
    { name: "alerts", value: show(alerts.total), note: alerts.total ? alerts.words : "nothing looked wrong", href: alerts.total ? "#alerts" : null, isBad: alerts.isBad },
  ].filter(Boolean).slice(0, 9);
};

const tiles = (parent, run) => {
  const list = make("dl", null, parent, { class: "tiles" });
  for (const { name, value, note, href, isBad } of tilesOf(run)) {
    const tile = make("div", null, list, { class: isBad ? "tile bad" : "tile" });
    make("dt", name, tile);
    const data = make("dd", null, tile);
    make(href ? "a" : "b", value, data, { href, class: value.length > 11 ? "long" : null });
    if (note) make("span", note, data);
  }
};

// A row per run; the names switch runs on and off in all charts.
const comparison = parent => {
  const box = make("div", null, parent, { class: "table", tabindex: "0", role: "region", "aria-label": "Runs" });
  const metrics = distinct(runs.flatMap(run => figuresOf(run).map(it => it.name)));
  const grid = make("table", null, box, { class: "runs" });
  const head = make("tr", null, make("thead", null, grid));
  ["run", ...metrics, "steps", "time", "parameters", "learning rate", "alerts", "state"].forEach(name => make("th", name, head, { scope: "col" }));
  const body = make("tbody", null, grid);
  runs.forEach((run, number) => {
    const row = make("tr", null, body), name = make("th", null, row, { scope: "row" }), figures = figuresOf(run), { summary } = run;
    const it = button(null, name, () => {
      if (!shared.shown.delete(number)) shared.shown.add(number);
      it.setAttribute("aria-pressed", String(shared.shown.has(number)));
      tell("shown");
    }, { class: "run", "aria-pressed": "true", title: `${plain(run.name)}: show or hide in all charts` });
    swatch(it, { colour: number, dash: 0 });
    make("span", cutMiddle(run.name, 34), it);
    for (const metric of metrics) {
      const found = figures.find(figure => figure.name === metric), cell = make("td", null, row);
      if (found) { make("b", found.value, cell); make("span", " " + found.note, cell, { class: "note" }); }
    }
    [show(summary.steps), duration(summary.training_secs), large(summary.parameters), rateOf(run), alertsOf(run).words, STATE_WORDS[summary.state]].forEach(text => make("td", text, row));
  });
};

// The runs that a comparison is about stand where figures of a training would.
const comparedRuns = (parent, { compared }) => {
  const numbers = distinct(compared.flatMap(it => it.numbers.map(([name]) => name))), hasSides = compared.some(it => it.side && it.side !== it.name);
  const columns = ["run", ...(hasSides ? ["side"] : []), ...numbers, "folder", "to be known"];
  const rows = compared.map(it => {
    const told = Object.fromEntries(it.numbers);
    return [it.name, ...(hasSides ? [it.side] : []), ...numbers.map(name => told[name] ?? "–"), it.path, it.remarks.join(" ")];
  });
  make("div", null, parent, { class: "table", tabindex: "0", role: "region", "aria-label": "Runs" }).append(rowsTable(columns, rows));
};

// Runs with the same settings, but for seeds, and the same model and learning rates are a group: one band holds them. Of
// runs that recorded no settings nobody knows whether they have the same.
const groupRuns = () => {
  const settings = run => JSON.stringify([Object.entries(run.settings).filter(([name]) => !/seed/i.test(name)), run.summary.parameters, run.summary.blocks, run.summary.optimizer, run.lr, run.summary.epochs]);
  const groups = new Map();
  runs.filter(run => Object.keys(run.settings).length).forEach(run => groups.set(settings(run), [...(groups.get(settings(run)) || []), run]));
  const shared = [...groups.values()].filter(group => group.length > 1);
  shared.forEach((group, number) => group.forEach(run => { run.group = number; }));
  return shared;
};

const subline = run => {
  const parts = [run.compared.length ? `Comparison of ${count(run.compared.length, "run")}` : stateOf(run)];
  if (run.summary.started_unix_secs > 0) parts.push("started " + new Date(run.summary.started_unix_secs * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC");
  if (run.summary.device) parts.push("on " + run.summary.device);
  return parts.join(" · ");
};

const warningsOf = run => [...run.lost.map(it => `Lost: ${it}`), ...run.failed_checks].map(it => (many ? `${run.name}: ${it}` : it));

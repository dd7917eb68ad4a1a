import type { EndpointReport, FieldReport, PolicyReport, Report, Verdict } from '../../compare/report.ts';
import { change, count, leftOut, medians, nameOf, part, placeOf, ratio, share } from './words.ts';

/** One file that needs nothing else: no script, nothing from elsewhere. For mail, tickets and build artefacts. */
export function renderHtml({ at, version, policies }: Report): string {
  const body = policies.length === 0 ? '<p>No policy compares anything.</p>' : policies.map(policyHtml).join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Shadowtap report, ${escape(at)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>Mirror report</h1><p>${escape(at)} · shadowtap ${escape(version)}</p></header>
<main>
${body}
</main>
</body>
</html>
`;
}

function policyHtml(policy: PolicyReport): string {
  const { counts, endpoints, role } = policy;
  const left = leftOut(counts);
  return `<section>
<h2>${escape(policy.policy)} <span class="to">to ${escape(policy.target)}</span> ${role === 'Baseline' ? '<span class="badge little">baseline</span>' : badge(policy.verdict)}</h2>
<ul>${policy.reasons.map((reason) => `<li>${escape(reason)}</li>`).join('')}</ul>
<p>${count(counts.compared)} compared since ${escape(policy.since)}: ${count(counts.equal)} equal, ${count(counts.noise)} but for noise, <strong>${count(counts.different)} different (${share(counts.differentShare)})</strong>.${left === '' ? '' : ` Not compared: ${escape(left)}.`}</p>
${endpoints.map(endpointHtml).join('\n')}
</section>`;
}

function endpointHtml(endpoint: EndpointReport): string {
  const { counts, errors, latency, fields, noise, reasons } = endpoint;
  const figures = [
    `${count(counts.compared)} compared`,
    `${part(counts.different, counts.differentShare)} different`,
    `errors ${change(errors.difference)}`,
    ...(latency === null ? [] : [`median ${medians(latency)}`, `latency ${ratio(latency)}`]),
  ];
  return `<details${endpoint.verdict === 'differs' ? ' open' : ''}>
<summary><code>${escape(nameOf(endpoint))}</code> ${badge(endpoint.verdict)} <span class="figures">${escape(figures.join(' · '))}</span></summary>
<ul>${reasons.map((reason) => `<li>${escape(reason)}</li>`).join('')}</ul>
${fieldTable('What differs', fields)}
${fieldTable('Taken for noise', noise)}
</details>`;
}

function fieldTable(caption: string, fields: readonly FieldReport[]): string {
  if (fields.length === 0) return '';
  const rows = fields.map((field) => {
    const examples = field.examples.map(({ production, mirror }) => `<del>${escape(production || '(nothing)')}</del> <ins>${escape(mirror || '(nothing)')}</ins>`);
    return `<tr><td><code>${escape(placeOf(field))}</code></td><td class="number">${count(field.count)}</td><td class="number">${share(field.share)}</td><td>${examples.join('<br>')}</td><td>${escape(field.because)}</td></tr>`;
  });
  const head = '<tr><th scope="col">where</th><th scope="col">exchanges</th><th scope="col">share</th><th scope="col">production, mirror</th><th scope="col">because</th></tr>';
  return `<table><caption>${caption}</caption><thead>${head}</thead><tbody>${rows.join('')}</tbody></table>`;
}

const CLASSES: Readonly<Record<Verdict, string>> = { 'looks safe': 'safe', differs: 'differs', 'too little data': 'little' };

function badge(verdict: Verdict): string {
  return `<span class="badge ${CLASSES[verdict]}">${verdict}</span>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dde3, #39424d); --soft: light-dark(#57606a, #9aa5b1); }
body { background: Canvas; color: CanvasText; font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
header p, .to, .figures, caption { color: var(--soft); font-weight: normal; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem .75rem; margin: .5rem 0; }
summary { cursor: pointer; }
table { border-collapse: collapse; width: 100%; margin: .75rem 0; }
caption { text-align: left; padding-bottom: .25rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
del { text-decoration: none; background: light-dark(#ffebe9, #5b1a1d); }
ins { text-decoration: none; background: light-dark(#dafbe1, #12421f); }
.badge { border-radius: 1rem; padding: .1rem .6rem; font-size: .8rem; }
.safe { background: light-dark(#dafbe1, #12421f); color: light-dark(#0f5323, #b4f1c0); }
.differs { background: light-dark(#ffebe9, #5b1a1d); color: light-dark(#82071e, #ffc1ba); }
.little { background: light-dark(#eaeef2, #2d333b); color: light-dark(#424a53, #c4ccd4); }
`;

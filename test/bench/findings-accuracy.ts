/**
 * How precise the rules of findings are: attacks planted in ordinary traffic, precision and recall by rule.
 * Run it with the pinned Node: `node test/bench/findings-accuracy.ts [--verbose]`. The seeds are fixed: it says the same each time.
 */
import { measureAccuracy, precisionOf, recallOf } from '../findings/traffic/accuracy.ts';

const isVerbose = process.argv.includes('--verbose');
const accuracy = measureAccuracy({ seeds: [1, 2, 3], hours: 2 });
const { rules, ordinaryRequests, attackRequests, wrong, missed } = accuracy;

console.log(`${ordinaryRequests.toLocaleString('en')} ordinary requests, ${attackRequests.toLocaleString('en')} of attacks, 3 seeds, 6 hours\n`);
console.log('| rule | planted | found | recall | false findings | precision | false in a million requests |');
console.log('|---|---|---|---|---|---|---|');
for (const rule of rules) {
  const perMillion = (rule.falseFindings / ordinaryRequests) * 1e6;
  console.log(`| \`${rule.rule}\` | ${rule.planted} | ${rule.found} | ${share(recallOf(rule))} | ${rule.falseFindings} | ${share(precisionOf(rule))} | ${perMillion.toFixed(1)} |`);
}
if (isVerbose) {
  console.log(`\nFound and not planted:\n${wrong.map((line) => `  ${line}`).join('\n')}`);
  console.log(`\nPlanted and not found:\n${missed.map((line) => `  ${line}`).join('\n')}`);
}

function share(value: number): string {
  return Number.isNaN(value) ? '' : `${Math.round(value * 100)} %`;
}

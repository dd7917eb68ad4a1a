import type { LabelSelector } from './schema.ts';

type Expression = LabelSelector['matchExpressions'][number];

/** Whether labels fit a selector, as Kubernetes defines it: every entry must hold, and an empty selector fits all. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels)) {
    if (labelOf(labels, key) !== value) return false;
  }
  return selector.matchExpressions.every((expression) => holds(expression, labels));
}

function holds({ key, operator, values }: Expression, labels: Readonly<Record<string, string>>): boolean {
  const label = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return label !== undefined;
    case 'DoesNotExist':
      return label === undefined;
  }
}

/** Own properties only: a label may be called `constructor`. */
function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

import { LABEL_KEY, LABEL_VALUE, MAX_LABEL_KEY } from './names.ts';
import { list, object, ruled, stringMap, text, word } from './shape.ts';

export const LABEL_NAME = { pattern: LABEL_KEY, expects: 'a label name such as app or example.com/app' };
export const LABEL_TEXT = text({
  description: 'A label value.',
  expects: 'a label value: letters, digits, -, _ and ., at most 63, as a text (quote numbers)',
  pattern: LABEL_VALUE,
  maxLength: 63,
});

const LABEL_EXPRESSION = ruled(
  object({
    key: text({ description: 'Name of the label.', ...LABEL_NAME, maxLength: MAX_LABEL_KEY }),
    operator: word(['In', 'NotIn', 'Exists', 'DoesNotExist'], {
      description: 'How the label relates to `values`. NotIn also selects what does not have the label.',
    }),
    values: list(LABEL_TEXT, { description: 'For In and NotIn.', expects: 'a list of at most 64 label values', maxItems: 64, default: [] }),
  }),
  ({ operator, values }) => {
    const wantsValues = operator === 'In' || operator === 'NotIn';
    if (wantsValues && values.length === 0) return `give values with operator ${operator}`;
    if (!wantsValues && values.length > 0) return `remove values: operator ${operator} takes none`;
    return null;
  },
  [
    { rule: "!(self.operator in ['In', 'NotIn']) || self.values.size() > 0", message: 'give values with operators In and NotIn' },
    { rule: "self.operator in ['In', 'NotIn'] || self.values.size() == 0", message: 'remove values: operators Exists and DoesNotExist take none' },
  ],
);

/** Kubernetes' LabelSelector. */
export function labelSelector(description: string) {
  return object(
    {
      matchLabels: stringMap(LABEL_NAME, LABEL_TEXT, {
        description: 'Labels that it must have, all of them.',
        expects: 'at most 32 label names with their values',
        maxProperties: 32,
        default: {},
      }),
      matchExpressions: list(LABEL_EXPRESSION, {
        description: 'Conditions on labels, all of which must hold.',
        expects: 'a list of at most 32 label conditions',
        maxItems: 32,
        default: [],
      }),
    },
    { description },
  );
}

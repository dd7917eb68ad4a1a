import { isIP } from 'node:net';
import { parseCidr } from './cidr.ts';
import { labelSelector } from './selector-schema.ts';
import { list, object, optional, ruled, text } from './shape.ts';

const CIDR_EXPECTS = 'a block such as 10.0.0.0/8 or fd00::/8';

const IP_BLOCK = ruled(
  object(
    {
      cidr: text({ description: 'Addresses that are taken.', expects: CIDR_EXPECTS, format: 'cidr', maxLength: 64 }),
      except: list(text({ description: 'A block.', expects: CIDR_EXPECTS, format: 'cidr', maxLength: 64 }), {
        description: 'Blocks within `cidr` that are not.',
        expects: 'a list of at most 64 blocks',
        maxItems: 64,
        default: [],
      }),
    },
    { description: 'Sources by address, IPv4 or IPv6.' },
  ),
  ({ cidr, except }) => {
    const outer = parseCidr(cidr);
    if (outer === null) return cidrProblem('cidr', cidr);
    for (const text of except) {
      const inner = parseCidr(text);
      if (inner === null) return cidrProblem('except', text);
      const within = inner.family === outer.family && inner.bits >= outer.bits && outer.contains(inner.address);
      if (!within) return `except ${JSON.stringify(text)} is not allowed; give a block within ${cidr}`;
    }
    return null;
  },
);

function cidrProblem(field: string, text: string): string {
  const meant = isIP(text) === 0 ? '' : ` (for one address write ${text}/${isIP(text) === 4 ? 32 : 128})`;
  return `${field} ${JSON.stringify(text)} is not allowed; give ${CIDR_EXPECTS}${meant}`;
}

const PEER = ruled(
  object({
    podSelector: optional(
      labelSelector('Pods by label; without `namespaceSelector` those in the namespace of the policy. `{}` takes all.'),
    ),
    namespaceSelector: optional(
      labelSelector('Namespaces by label; without `podSelector` all of their pods. `{}` takes all.'),
    ),
    ipBlock: optional(IP_BLOCK),
  }),
  ({ podSelector, namespaceSelector, ipBlock }) => {
    const bySelector = podSelector !== undefined || namespaceSelector !== undefined;
    if (bySelector && ipBlock !== undefined) return 'give selectors or ipBlock, not both; use two entries for two kinds of sources';
    return bySelector || ipBlock !== undefined ? null : 'give podSelector, namespaceSelector or ipBlock';
  },
  [
    {
      rule: '!has(self.ipBlock) || !has(self.podSelector) && !has(self.namespaceSelector)',
      message: 'give selectors or ipBlock, not both; use two entries for two kinds of sources',
    },
    {
      rule: 'has(self.podSelector) || has(self.namespaceSelector) || has(self.ipBlock)',
      message: 'give podSelector, namespaceSelector or ipBlock',
    },
  ],
);

/** NetworkPolicyPeers: who asks. */
export const FROM = list(PEER, {
  description:
    'Sources whose requests are mirrored, as in a NetworkPolicy: those that fit at least one entry. None given means every source.',
  expects: 'a list of at most 64 sources',
  maxItems: 64,
  default: [],
});

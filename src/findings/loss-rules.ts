import type { RuleId } from './rules.ts';

interface Loss {
  readonly rule: RuleId;
  readonly evidence: string;
}

/** What it means that the decoder could not use a request, by outcome and reason of the ledger. */
const LOSSES: Readonly<Record<string, Loss>> = {
  'ambiguous:length-and-chunked': { rule: 'request-smuggling', evidence: 'Content-Length and Transfer-Encoding in one head' },
  'ambiguous:transfer-encoding': { rule: 'request-smuggling', evidence: 'a Transfer-Encoding that not every server reads as chunked' },
  'ambiguous:content-length': { rule: 'request-smuggling', evidence: 'a Content-Length that is given twice, or is no plain number' },
  'ambiguous:line-ending': { rule: 'ambiguous-head', evidence: 'a line that does not end in CRLF' },
  'ambiguous:whitespace': { rule: 'ambiguous-head', evidence: 'a folded line, or white space before a colon' },
  'malformed:request-line': { rule: 'protocol-violation', evidence: 'a request line that is none' },
  'malformed:header': { rule: 'protocol-violation', evidence: 'a header that must not be' },
  'malformed:chunk': { rule: 'protocol-violation', evidence: 'a chunk whose size or end is wrong' },
  'malformed:frame': { rule: 'protocol-violation', evidence: 'a connection of HTTP/2 that breaks its rules' },
  'malformed:head-too-large': { rule: 'oversized-head', evidence: 'a head beyond what is read' },
};

/** null: nothing that the client has to answer for. */
export function lossOf(outcome: string, reason: string): Loss | null {
  return LOSSES[`${outcome}:${reason}`] ?? null;
}

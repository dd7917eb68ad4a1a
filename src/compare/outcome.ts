import type { Answer, Question } from './answer.ts';

/**
 * Codes of gRPC that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS
 * (OpenTelemetry, "Semantic conventions for gRPC", status of server spans).
 */
const SERVER_FAULTS: ReadonlySet<string> = new Set(['2', '4', '12', '13', '14', '15']);

/** Whether an answer is an error that its server is to blame for. */
export function isServerFault(question: Question, answer: Answer): boolean {
  if (answer.status >= 500) return true;
  if (!question.grpc) return false;
  // In the trailers, or in the only head of an answer that has no content.
  return SERVER_FAULTS.has(grpcStatus(answer.trailers) ?? grpcStatus(answer.headers) ?? '0');
}

function grpcStatus(fields: readonly string[]): string | null {
  for (let i = 0; i + 1 < fields.length; i += 2) if (fields[i]!.toLowerCase() === 'grpc-status') return fields[i + 1]!.trim();
  return null;
}

import type { Answer, Question } from '../answer.ts';
import { grpcStatus } from '../differ/grpc.ts';

/**
 * Codes of gRPC that are the server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS
 * (OpenTelemetry, "Semantic conventions for gRPC", status of server spans).
 */
const SERVER_FAULTS: ReadonlySet<string> = new Set(['2', '4', '12', '13', '14', '15']);

/** Whether an answer is an error that its server is to blame for. */
export function isServerFault({ grpc }: Question, answer: Answer): boolean {
  return answer.status >= 500 || (grpc && SERVER_FAULTS.has(grpcStatus(answer)));
}

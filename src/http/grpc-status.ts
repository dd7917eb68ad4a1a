/** Which status of HTTP a status of gRPC is like, by number: google/rpc/code.proto. */
const LIKE_HTTP = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401] as const;

const NAME = 'grpc-status';

/** What `grpc-status` says. @param fields flat: headers, or trailers @returns -1 where it is not there, or is no number */
export function grpcStatusOf(fields: readonly string[]): number {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]!.length === NAME.length && fields[i]!.toLowerCase() === NAME) return /^\d{1,5}$/.test(fields[i + 1]!) ? Number(fields[i + 1]!) : -1;
  }
  return -1;
}

/** The status of HTTP that says the same; what gRPC does not know is its UNKNOWN, 500. */
export function httpStatusOf(grpcStatus: number): number {
  return LIKE_HTTP[grpcStatus] ?? 500;
}

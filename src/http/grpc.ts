/** gRPC over HTTP/2, https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */

/** `application/grpc`, also with a format (`+proto`) or parameters; gRPC-Web is another protocol. */
const CONTENT_TYPE = /^application\/grpc(?:$|[+; \t])/i;

/** Whether these are the headers of a call. @param headers flat: name, value, name, value */
export function isGrpc(headers: readonly string[]): boolean {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length === 12 && name.toLowerCase() === 'content-type') return CONTENT_TYPE.test(headers[i + 1]!);
  }
  return false;
}

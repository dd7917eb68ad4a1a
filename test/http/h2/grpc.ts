import { Server, ServerCredentials } from '@grpc/grpc-js';

export interface Echo extends AsyncDisposable {
  readonly port: number;
}

const identity = (bytes: Buffer): Buffer => bytes;
const method = (path: string, requestStream: boolean, responseStream: boolean) =>
  ({ path, requestStream, responseStream, requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity }) as const;

/** The service of `startEcho`; messages are bytes. */
export const ECHO_SERVICE = {
  get: method('/shop.Cart/Get', false, false),
  upload: method('/shop.Cart/Upload', true, false),
  watch: method('/shop.Cart/Watch', false, true),
  chat: method('/shop.Cart/Chat', true, true),
} as const;

/** A gRPC server whose methods say what they were told; a call of `fail` ends with a status of its own. */
export async function startEcho(): Promise<Echo> {
  const server = new Server();
  server.addService(ECHO_SERVICE, {
    get: (call: { request: Buffer }, done: (error: object | null, reply?: Buffer) => void) =>
      call.request.toString() === 'fail' ? done({ code: 9, details: 'as asked' }) : done(null, call.request),
    upload: (call: NodeJS.ReadableStream, done: (error: null, reply: Buffer) => void) => {
      const parts: Buffer[] = [];
      call.on('data', (part: Buffer) => parts.push(part));
      call.on('end', () => done(null, Buffer.concat(parts)));
    },
    watch: (call: { request: Buffer; write(reply: Buffer): void; end(): void }) => {
      for (let i = 0; i < 3; i++) call.write(call.request);
      call.end();
    },
    chat: (call: NodeJS.ReadWriteStream) => {
      call.on('data', (part: Buffer) => call.write(part));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

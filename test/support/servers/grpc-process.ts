/** A gRPC server that tells its parent of each call. Its arguments are the port that it listens on, and its version. */
import { Server, ServerCredentials, status, type Metadata, type ServerDuplexStream, type ServerReadableStream, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { createHash } from 'node:crypto';
import { ECHO_SERVICE } from '../../http/h2/grpc.ts';
import type { GrpcEvent, ServedCall } from './grpc.ts';

interface AnyCall {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  on(event: 'cancelled' | 'error', listener: () => void): unknown;
}

const [port, version = 'v1'] = process.argv.slice(2);

/** As long as messages go. */
const MAX_MESSAGE = 16 << 20;

function tell(event: GrpcEvent): void {
  process.send?.(event);
}

/** What was heard of one call; told when it is over. */
class Heard {
  readonly #call: AnyCall;
  readonly #method: string;
  readonly #messages: string[] = [];
  #over = false;

  constructor(method: string, call: AnyCall) {
    this.#method = method;
    this.#call = call;
    call.on('cancelled', () => this.end('cancelled'));
    call.on('error', () => {});
  }

  add(message: Buffer): void {
    this.#messages.push(`${message.length} ${createHash('sha256').update(message).digest('hex').slice(0, 16)}`);
    tell({ kind: 'message', method: this.#method });
  }

  /** A stream of grpc-js ends also where it is cancelled, and says so a moment later. */
  endUnlessCancelled(): void {
    setTimeout(() => this.end('answered'), 20);
  }

  end(how: ServedCall['how']): void {
    if (this.#over) return;
    this.#over = true;
    const { metadata } = this.#call;
    tell({
      kind: 'call',
      call: {
        method: this.#method,
        messages: this.#messages,
        how,
        metadata: metadataOf(metadata),
        hasDeadline: this.#call.getDeadline() !== Infinity,
        marked: metadata.get('shadowtap-mirrored').length > 0,
      },
    });
  }
}

function metadataOf(metadata: Metadata): string {
  const own = ['x-text', 'x-bytes-bin', 'user-agent'].map((name) => [name, metadata.get(name).map((value) => Buffer.from(value as string).toString('hex'))]);
  return JSON.stringify(own);
}

/** Its defects: of a message whose first field, a number, is 7 it makes 8, and at 99 it fails. */
function answerOfV2(message: Buffer, done: (error: { code: status } | null, reply?: Buffer) => void): void {
  const first = message[0] === 0x08 ? message[1] : undefined;
  if (first === 99) return done({ code: status.INTERNAL });
  const reply = Buffer.from(message);
  if (first === 7) reply[1] = 8;
  done(null, reply);
}

const server = new Server({ 'grpc.max_receive_message_length': MAX_MESSAGE, 'grpc.max_send_message_length': MAX_MESSAGE });
server.addService(ECHO_SERVICE, {
  get(call: ServerUnaryCall<Buffer, Buffer>, done: (error: { code: status } | null, reply?: Buffer) => void) {
    const heard = new Heard('get', call);
    heard.add(call.request);
    if (call.request.toString() === 'never') return;
    heard.end('answered');
    if (version === 'v2') answerOfV2(call.request, done);
    else done(null, call.request);
  },
  upload(call: ServerReadableStream<Buffer, Buffer>, done: (error: null, reply: Buffer) => void) {
    const heard = new Heard('upload', call);
    call.on('data', (message: Buffer) => heard.add(message));
    call.on('end', () => {
      heard.endUnlessCancelled();
      done(null, Buffer.from('thanks'));
    });
  },
  watch(call: ServerWritableStream<Buffer, Buffer>) {
    const heard = new Heard('watch', call);
    heard.add(call.request);
    if (call.request.toString() === 'forever') {
      const timer = setInterval(() => call.write(Buffer.from('tick')), 20);
      call.on('cancelled', () => clearInterval(timer));
      return;
    }
    for (let i = 0; i < 10; i++) call.write(call.request);
    heard.end('answered');
    call.end();
  },
  chat(call: ServerDuplexStream<Buffer, Buffer>) {
    const heard = new Heard('chat', call);
    call.on('data', (message: Buffer) => {
      heard.add(message);
      call.write(message);
    });
    call.on('end', () => {
      heard.endUnlessCancelled();
      call.end();
    });
  },
});
server.bindAsync(`0.0.0.0:${port}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
  tell({ kind: 'listening' });
});

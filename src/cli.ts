import { main } from './cli/program.ts';
import type { Io } from './cli/io.ts';

// The only module that reads arguments, listens to signals and ends the process.

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

const io: Io = { out: process.stdout, err: process.stderr, untilStopped, onSignal: (signal, listener) => void process.on(signal, listener) };

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const [signal, number] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        if (asked) process.exit(128 + number);
        asked = true;
        resolve();
      });
    }
  });
}

// The reader of our output may go first: `shadowtap replay ... | head`.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

process.exitCode = await main(process.argv.slice(2), io);

import { loadConfig, type SettingFlags } from '../config.ts';
import { EXIT_OK, type Io } from './io.ts';

export interface RunOptions {
  readonly file: string;
  readonly tap?: string;
  readonly workers?: string;
  readonly admin?: string;
  readonly logLevel?: string;
}

/** Runs the standalone agent until it is told to stop. */
export async function run({ file, tap, workers, admin, logLevel }: RunOptions, io: Io): Promise<number> {
  const flags: SettingFlags = {
    ...(tap !== undefined && { tap }),
    ...(workers !== undefined && { workers: numberIfDigits(workers) }),
    ...(admin !== undefined && { admin }),
    ...(logLevel !== undefined && { logLevel }),
  };
  const config = loadConfig(file, flags);
  const { Agent } = await import('../agent.ts');
  const agent = new Agent(config);
  const stopped = io.untilStopped();
  await agent.start();
  await stopped;
  await agent.stop();
  return EXIT_OK;
}

/** Anything else stays as typed, so that the message can show it. */
function numberIfDigits(text: string): string | number {
  return /^-?[0-9]{1,9}$/.test(text) ? Number(text) : text;
}

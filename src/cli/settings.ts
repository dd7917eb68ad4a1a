import type { SettingFlags } from '../config.ts';

/** What the commands that start an agent take from the command line. */
export interface RunOptions {
  readonly file: string;
  readonly tap?: string;
  readonly workers?: string;
  readonly memory?: string;
  readonly cpuBudget?: string;
  readonly admin?: string;
  readonly logLevel?: string;
  readonly dryRun?: boolean;
}

/** What of the command line stands above the file's settings. */
export function settingFlags({ tap, workers, memory, cpuBudget, admin, logLevel }: RunOptions): SettingFlags {
  return {
    ...(tap !== undefined && { tap }),
    ...(workers !== undefined && { workers: numberIfDigits(workers) }),
    ...(memory !== undefined && { memoryBytes: numberIfDigits(memory) }),
    ...(cpuBudget !== undefined && { cpuBudget: numberIfDigits(cpuBudget) }),
    ...(admin !== undefined && { admin }),
    ...(logLevel !== undefined && { logLevel }),
  };
}

/** Anything else stays as typed, so that the message can show it. */
function numberIfDigits(text: string): string | number {
  return /^-?[0-9]{1,12}(?:\.[0-9]{1,6})?$/.test(text) ? Number(text) : text;
}

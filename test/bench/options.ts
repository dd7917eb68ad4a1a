import { parseArgs } from 'node:util';

export const ROW_NAMES = ['tap', 'decode', 'agent', 'production', 'http2', 'compare', 'observe', 'fidelity', 'idle', 'peers'] as const;
export type RowName = (typeof ROW_NAMES)[number];

export interface Options {
  readonly quick: boolean;
  readonly markdown: boolean;
  readonly rows: readonly RowName[];
}

const USAGE = `usage: npm run bench [-- options]
  --quick        under two minutes: fewer and shorter trials, wider intervals
  --only ROW     only this measurement; may be repeated: ${ROW_NAMES.join(', ')}
  --markdown     print the table as Markdown
Needs root and a kernel with BPF. Results are also written to bench-results/<date>.json.
`;

/** Reads the command line; ends the process for --help (0) and for what cannot be understood (2). */
export function readOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    return { quick: values.quick, markdown: values.markdown, rows: (values.only ?? ROW_NAMES).map(rowName) };
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
}

function rowName(text: string): RowName {
  const name = ROW_NAMES.find((known) => known === text);
  if (name === undefined) throw new Error(`--only takes ${ROW_NAMES.join(', ')}, not ${JSON.stringify(text)}`);
  return name;
}

/** What is shown, in short; `dashboard` writes it out as Grafana's JSON model, which repeats much for every panel. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Panel {
  readonly title: string;
  /** What to make of it, for who looks at it. */
  readonly description: string;
  /** `lines` over time, one `stat`, `bars` of the last values, or a `table` of them. */
  readonly as: 'lines' | 'stacked' | 'stat' | 'bars' | 'table';
  /** Id of one of Grafana's units. */
  readonly unit: 'short' | 'none' | 'reqps' | 'pps' | 'ops' | 'percentunit' | 's' | 'bytes';
  /** PromQL, and how its series are called. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** Of 24 columns; 8 where it is not given. */
  readonly width?: number;
  /** From this value on it is bad. */
  readonly badFrom?: number;
}

/** A variable that is filled from the labels of what Prometheus has. */
export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly query: string;
  /** Takes a part of what was found. */
  readonly regex?: string;
}

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 24;
const HEIGHT = { lines: 8, stacked: 8, stat: 4, bars: 8, table: 8 } as const;
const TYPE = { lines: 'timeseries', stacked: 'timeseries', stat: 'stat', bars: 'bargauge', table: 'table' } as const;
/** That of Grafana 12; older ones take it too, for nothing is newer in what we use. */
const SCHEMA_VERSION = 42;

/** Grafana's JSON model. */
export function dashboard(title: string, uid: string, variables: readonly Variable[], rows: readonly Row[]): object {
  return {
    uid,
    title,
    description: 'What Shadowtap mirrors, what it compares and finds, and how its agents fare.',
    tags: ['shadowtap'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    annotations: { list: [] },
    links: [],
    templating: { list: [datasourceVariable(), ...variables.map(queryVariable)] },
    panels: layOut(rows),
  };
}

function layOut(rows: readonly Row[]): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: own } of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 }, panels: [] });
    let x = 0;
    let height = 0;
    for (const panel of own) {
      const w = panel.width ?? 8;
      if (x + w > COLUMNS) {
        y += height;
        x = height = 0;
      }
      const h = HEIGHT[panel.as];
      panels.push(modelOf(panel, panels.length + 1, { x, y, w, h }));
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return panels;
}

function modelOf({ title, description, as, unit, queries, badFrom }: Panel, id: number, gridPos: object): object {
  const isNow = as === 'table' || as === 'bars';
  return {
    id,
    type: TYPE[as],
    title,
    description,
    datasource: DATASOURCE,
    gridPos,
    targets: queries.map(([expr, legendFormat], i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      ...(isNow ? { instant: true, format: as === 'table' ? 'table' : 'time_series' } : { range: true }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        ...(unit === 'percentunit' && { min: 0 }),
        thresholds: { mode: 'absolute', steps: [{ color: 'green', value: null }, ...(badFrom === undefined ? [] : [{ color: 'red', value: badFrom }])] },
        ...((as === 'lines' || as === 'stacked') && {
          custom: { fillOpacity: as === 'stacked' ? 30 : 0, stacking: { mode: as === 'stacked' ? 'normal' : 'none' }, showPoints: 'never' },
        }),
      },
      overrides: [],
    },
    ...OPTIONS[as],
  };
}

const LINES = { options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi', sort: 'desc' } } };
const LAST = { calcs: ['lastNotNull'] };
const OPTIONS: Readonly<Record<Panel['as'], object>> = {
  lines: LINES,
  stacked: LINES,
  stat: { options: { colorMode: 'value', graphMode: 'area', reduceOptions: LAST } },
  bars: { options: { orientation: 'horizontal', displayMode: 'basic', reduceOptions: LAST } },
  table: { options: { showHeader: true }, transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }] },
};

function datasourceVariable(): object {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: { text: 'default', value: 'default' }, hide: 0 };
}

function queryVariable({ name, label, query, regex = '' }: Variable): object {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    regex,
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    // What has no such label, as outside of clusters, is shown with all.
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
    hide: 0,
  };
}

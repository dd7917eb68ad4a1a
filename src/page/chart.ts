import uPlot from 'uplot';

/** What a chart shows: lines or bars over one axis, in either side's colour. */
export interface Chart {
  readonly name: string;
  readonly x: {
    readonly name: string;
    readonly values: readonly number[];
    /** Unix time in seconds. */
    readonly isTime?: boolean;
    readonly isLogarithmic?: boolean;
    readonly format?: (value: number) => string;
  };
  readonly y: { readonly name: string };
  readonly lines: readonly ChartLine[];
}

export interface ChartLine {
  readonly name: string;
  readonly values: readonly number[];
  readonly side: 'production' | 'mirror';
  readonly style?: 'line' | 'dashed' | 'bars';
}

const HEIGHT = 260;

/**
 * `<trend-chart>`: draws `chart`, anew where it changed in kind, else with new values only; as wide as its place. What it shows
 * must stand beside it as a table, since a picture says nothing to who cannot see it.
 */
class TrendChart extends HTMLElement {
  #chart: Chart | null = null;
  #plot: uPlot | null = null;
  #drawn = '';
  readonly #resize = new ResizeObserver(() => this.#fit());

  set chart(chart: Chart) {
    this.#chart = chart;
    if (this.isConnected) this.#draw();
  }

  connectedCallback(): void {
    this.setAttribute('role', 'img');
    this.#resize.observe(this);
    this.#draw();
  }

  disconnectedCallback(): void {
    this.#resize.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
    this.#drawn = '';
  }

  #draw(): void {
    const chart = this.#chart;
    if (chart === null) return;
    this.setAttribute('aria-label', chart.name);
    const { x, lines } = chart;
    const values: uPlot.AlignedData = [[...x.values], ...lines.map((line) => [...line.values])];
    const look = JSON.stringify([chart.name, x.name, chart.y.name, lines.map(({ name, side, style }) => [name, side, style]), this.#ink()]);
    if (this.#plot !== null && look === this.#drawn) return this.#plot.setData(values);
    this.#plot?.destroy();
    this.#plot = new uPlot(this.#options(chart), values, this);
    this.#drawn = look;
  }

  /** Colours of the style sheet, which has others for light than for dark, as a canvas understands them. */
  #ink(): string[] {
    return ['ink-soft', 'line', 'production', 'mirror'].map((name) => {
      const probe = document.createElement('span');
      probe.className = `ink-${name}`;
      this.append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    });
  }

  #options({ x, y, lines }: Chart): uPlot.Options {
    const [ink, grid, production, mirror] = this.#ink() as [string, string, string, string];
    const font = '12px system-ui, sans-serif';
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font, labelFont: font, labelSize: 22 };
    const bars = uPlot.paths.bars?.({ size: [0.9, 60] });
    return {
      width: this.clientWidth || 600,
      height: HEIGHT,
      legend: { live: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: x.isTime === true, ...(x.isLogarithmic === true && { distr: 3, log: 2 }) } },
      axes: [
        { ...axis, label: x.name, ...(x.format && { values: (_: uPlot, splits: number[]) => splits.map((value: number | null) => (value === null ? '' : x.format!(value))) }) },
        { ...axis, label: y.name, size: 64 },
      ],
      series: [
        { label: x.name },
        ...lines.map((line): uPlot.Series => {
          const stroke = line.side === 'production' ? production : mirror;
          if (line.style === 'bars') return { label: line.name, stroke, fill: stroke, width: 0, points: { show: false }, ...(bars && { paths: bars }) };
          return { label: line.name, stroke, width: 2, points: { show: false }, ...(line.style === 'dashed' && { dash: [5, 5] }) };
        }),
      ],
    };
  }

  #fit(): void {
    if (this.#plot === null || this.clientWidth === 0 || this.clientWidth === this.#plot.width) return;
    this.#plot.setSize({ width: this.clientWidth, height: HEIGHT });
  }
}

customElements.define('trend-chart', TrendChart);

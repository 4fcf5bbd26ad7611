// Figures for Prometheus, in its text format (exposition format 0.0.4). Own lines instead of a library: four kinds of lines.

import type { FastifyInstance } from 'fastify';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Histogram {
  readonly buckets: number[];
  sum: number;
  count: number;
}

export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #checkIns = new Map<string, number>();

  /** Counts the answers of every route and how long they took. */
  watch(app: FastifyInstance): void {
    app.addHook('onResponse', async (request, reply) => {
      const route = request.routeOptions.url ?? 'none';
      const labels = `method="${request.method}",route="${route}",status="${reply.statusCode}"`;
      this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
      const of = `route="${route}"`;
      const histogram = this.#durations.get(of) ?? { buckets: SECONDS.map(() => 0), sum: 0, count: 0 };
      const seconds = reply.elapsedTime / 1000;
      for (const [at, limit] of SECONDS.entries())
        if (seconds <= limit) histogram.buckets[at] = (histogram.buckets[at] ?? 0) + 1;
      histogram.sum += seconds;
      histogram.count += 1;
      this.#durations.set(of, histogram);
    });
  }

  countCheckIn(outcome: string): void {
    this.#checkIns.set(outcome, (this.#checkIns.get(outcome) ?? 0) + 1);
  }

  /** `gauges`: what is read at the moment of asking, name with labels → value. */
  render(gauges: ReadonlyMap<string, number>): string {
    const lines = [
      ...family('resplice_http_requests_total', 'counter', 'Answers by route and status.'),
      ...[...this.#requests].map(([labels, count]) => `resplice_http_requests_total{${labels}} ${count}`),
      ...family('resplice_check_ins_total', 'counter', 'Check-ins by what became of them.'),
      ...[...this.#checkIns].map(
        ([outcome, count]) => `resplice_check_ins_total{outcome="${outcome}"} ${count}`,
      ),
      ...family('resplice_http_request_seconds', 'histogram', 'Time to answer.'),
      ...[...this.#durations].flatMap(([labels, histogram]) => renderHistogram(labels, histogram)),
    ];
    let last = '';
    for (const [name, value] of gauges) {
      const plain = name.replace(/\{.*/, '');
      if (plain !== last) lines.push(...family(plain, 'gauge', GAUGES[plain] ?? plain));
      last = plain;
      lines.push(`${name} ${value}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

/** What the gauges are, by name. */
const GAUGES: Readonly<Record<string, string>> = {
  resplice_machines: 'Machines of the organisation that are not hidden, by state and status.',
  resplice_machines_silent: 'Active machines that have not checked in for three intervals.',
  resplice_machines_conflict: 'Machines whose token is used by a copy, or that were restored.',
  resplice_machines_health_bad: 'Machines that complain after an update.',
  resplice_rollouts: 'Roll-outs by a plan that are not over, by state.',
  resplice_check_ins_waiting: 'Check-ins that wait for their batch.',
  resplice_jobs_waiting: 'Jobs that wait or run, by name.',
  resplice_repository_good: '1 when the present state of the repository was verified.',
  resplice_repository_age_seconds: 'Time since the repository was verified last.',
  process_resident_memory_bytes: 'Memory of the server process.',
  process_start_time_seconds: 'When the server process started.',
};

function family(name: string, type: string, help: string): readonly string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function renderHistogram(labels: string, { buckets, sum, count }: Histogram): readonly string[] {
  const name = 'resplice_http_request_seconds';
  return [
    ...SECONDS.map((limit, at) => `${name}_bucket{${labels},le="${limit}"} ${buckets[at] ?? 0}`),
    `${name}_bucket{${labels},le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  ];
}

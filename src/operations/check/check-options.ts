/** What holds for every input of a check. */
import { NotFoundError } from '../../errors.ts';
import type { ChartRenderer, ValuesFile } from '../../kubernetes/rendering/chart-renderer.ts';
import type { Subject } from '../../compliance/subject.ts';
import type { OpenRenderer } from '../resolve/render-charts.ts';

/** Options of a check. */
export interface CheckOptions {
  /** The oldest Kubernetes: 34 for 1.34. Absent: what a release says of each chart, else the default of charts. */
  readonly kubeMinor?: number | undefined;
  /** Laid over the values of charts that are named by themselves or lie in an archive. */
  readonly values: readonly ValuesFile[];
  /** Absent: charts are passed over, and named. */
  readonly openRenderer: OpenRenderer | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What there is to check. */
export interface CheckedInput {
  readonly subjects: readonly Subject[];
  /** What was not checked, a sentence each. */
  readonly warnings: readonly string[];
}

/** What a chart is rendered with that names no values: its own, with these over them. */
export function valueSet(values: readonly ValuesFile[]): {
  readonly name: string;
  readonly files: readonly ValuesFile[];
} {
  return { name: values.length === 0 ? 'default' : values.map(({ name }) => name).join('+'), files: values };
}

/** Opens what renders charts. @throws NotFoundError `NOT_FOUND` where nothing does, with how to go on without. */
export async function openRenderer(open: OpenRenderer): Promise<ChartRenderer> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    const hint = [error.hint, 'or check manifests alone, with --no-render'].filter(Boolean).join('; ');
    throw new NotFoundError('NOT_FOUND', error.message, { hint, cause: error });
  }
}

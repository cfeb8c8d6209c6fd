/** Chooses what renders charts on this machine. */
import { NotFoundError } from '../../errors.ts';
import type { ChartRenderer, RenderLimits } from './chart-renderer.ts';
import { findProgram } from './find-program.ts';
import { openHelmProgram } from './helm-program.ts';

/** Options of {@link openChartRenderer}. */
export interface OpenRendererOptions {
  /** The folders in which programs are looked for, as in `PATH`. */
  readonly path: string | undefined;
  /** @defaultValue {@link RENDER_LIMITS} */
  readonly limits?: Partial<RenderLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The renderer of this machine: a `helm` on `PATH`.
 * @throws NotFoundError `NOT_FOUND` when there is none, with how to get one.
 * @throws StoreError `UNSUPPORTED` when it is too old.
 */
export async function openChartRenderer(options: OpenRendererOptions): Promise<ChartRenderer> {
  const program = await findProgram('helm', options.path);
  if (program !== undefined) return openHelmProgram({ program, ...options });
  throw new NotFoundError('NOT_FOUND', 'charts cannot be rendered: there is no helm on PATH', {
    hint: 'install helm 3.14 or newer on this machine (https://helm.sh/docs/intro/install/); the secure side needs none',
  });
}

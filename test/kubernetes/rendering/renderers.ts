/** Every renderer of the product, as the tests open them, each with the real Helms that it has to agree with. */
import {
  RENDER_LIMITS,
  type ChartRenderer,
  type RenderLimits,
} from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { ENGINE_FILES, openEngineModule } from '../../../src/kubernetes/rendering/engine/engine-module.ts';
import { openHelmEngine } from '../../../src/kubernetes/rendering/engine/helm-engine.ts';
import { openHelmProgram } from '../../../src/kubernetes/rendering/helm-program.ts';
import { requireGoBuild } from '../../helpers/require-go-build.ts';
import { requireTool } from '../../helpers/require-tool.ts';

export interface TestedRenderer {
  readonly name: string;
  /** Names of tools. */
  readonly oracles: readonly string[];
  /** Undefined where it cannot be had and its tests may be skipped. */
  readonly open: (limits?: Partial<RenderLimits>) => Promise<ChartRenderer | undefined>;
}

/**
 * The folder in which scripts/helm-engine/build.sh left the engine; undefined, loudly, where it could not be built.
 * @throws Error when it is missing and `AIRGAP_REQUIRE_GO=1` demands it, as continuous integration does.
 */
export function requireEngine(): string | undefined {
  return requireGoBuild('helm-engine', ENGINE_FILES.description, 'scripts/helm-engine/build.sh');
}

/**
 * Opened once for all tests of a process that want the same limits, as the product does for all charts: the engine takes
 * seconds to compile, and a program is asked for its version.
 */
const opened = new Map<string, Promise<ChartRenderer | undefined>>();

function openOnce(
  name: string,
  limits: Partial<RenderLimits>,
  open: () => Promise<ChartRenderer | undefined>,
): Promise<ChartRenderer | undefined> {
  const key = `${name} ${JSON.stringify(limits)}`;
  const renderer = opened.get(key) ?? open();
  opened.set(key, renderer);
  return renderer;
}

function helmProgram(name: string): TestedRenderer {
  return {
    name,
    oracles: [name],
    open: (limits = {}) =>
      openOnce(name, limits, async () => {
        const program = requireTool(name);
        return program === undefined ? undefined : openHelmProgram({ program, path: process.env['PATH'], limits });
      }),
  };
}

let compiled: ReturnType<typeof openEngineModule> | undefined;

/** The engine of the product. */
export const HELM_ENGINE: TestedRenderer = {
  name: 'helm-engine',
  oracles: ['helm3', 'helm4'],
  open: (limits = {}) =>
    openOnce('helm-engine', limits, async () => {
      const folder = requireEngine();
      if (folder === undefined) return undefined;
      if (limits.maxMemoryBytes !== undefined) return openHelmEngine({ folder, limits });
      compiled ??= openEngineModule(RENDER_LIMITS.maxMemoryBytes, folder);
      return openHelmEngine({ engine: await compiled, limits });
    }),
};

/** A helm program of today. */
export const HELM_PROGRAM: TestedRenderer = helmProgram('helm4');

export const RENDERERS: readonly TestedRenderer[] = [helmProgram('helm3'), HELM_PROGRAM, HELM_ENGINE];

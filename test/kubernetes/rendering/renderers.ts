/** Every renderer of the product, as the tests open them, each with the real Helms that it has to agree with. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChartRenderer, RenderLimits } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { ENGINE_FILES } from '../../../src/kubernetes/rendering/engine/engine-module.ts';
import { openHelmEngine } from '../../../src/kubernetes/rendering/engine/helm-engine.ts';
import { openHelmProgram } from '../../../src/kubernetes/rendering/helm-program.ts';
import { requireTool } from '../../helpers/require-tool.ts';

export interface TestedRenderer {
  readonly name: string;
  /** Names of tools. */
  readonly oracles: readonly string[];
  /** Undefined where it cannot be had and its tests may be skipped. */
  readonly open: (limits?: Partial<RenderLimits>) => Promise<ChartRenderer | undefined>;
}

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * The folder in which scripts/helm-engine/build.sh left the engine; undefined, loudly, where it could not be built.
 * @throws Error when it is missing and `AIRGAP_REQUIRE_GO=1` demands it, as continuous integration does.
 */
export function requireEngine(): string | undefined {
  const tools = [process.env['AIRGAP_TOOLS'] ?? '', join(repository, '.tools')].filter((folder) => folder !== '');
  const folders = tools.map((folder) => join(folder, 'helm-engine'));
  const found = folders.find((folder) => existsSync(join(folder, ENGINE_FILES.description)));
  if (found !== undefined) return found;
  const missing = 'the engine that renders charts is not built';
  // Only a Go compiler can build it, which no Debian or npm package brings in the version that it takes.
  if (process.env['AIRGAP_REQUIRE_GO'] === '1') throw new Error(`${missing}. Run scripts/helm-engine/build.sh`);
  process.stderr.write(`\n!!! SKIPPED: ${missing}; what this test verifies stays unverified !!!\n`);
  return undefined;
}

function helmProgram(name: string): TestedRenderer {
  return {
    name,
    oracles: [name],
    open: async (limits) => {
      const program = requireTool(name);
      return program === undefined ? undefined : openHelmProgram({ program, path: process.env['PATH'], limits });
    },
  };
}

/** Compiled once for all tests of a file that want the same limits; as in the product, charts share the module. */
const engines = new Map<string, Promise<ChartRenderer | undefined>>();

const helmEngine: TestedRenderer = {
  name: 'helm-engine',
  oracles: ['helm3', 'helm4'],
  open: (limits = {}) => {
    const key = JSON.stringify(limits);
    const folder = requireEngine();
    const engine =
      engines.get(key) ?? (folder === undefined ? Promise.resolve(undefined) : openHelmEngine({ folder, limits }));
    engines.set(key, engine);
    return engine;
  },
};

export const RENDERERS: readonly TestedRenderer[] = [helmProgram('helm3'), helmProgram('helm4'), helmEngine];

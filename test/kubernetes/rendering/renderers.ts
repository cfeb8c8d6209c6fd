/** Every renderer of the product, as the tests open them, each with the real Helms that it has to agree with. */
import type { ChartRenderer, RenderLimits } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { openHelmProgram } from '../../../src/kubernetes/rendering/helm-program.ts';
import { requireTool } from '../../helpers/require-tool.ts';

export interface TestedRenderer {
  readonly name: string;
  /** Names of tools. */
  readonly oracles: readonly string[];
  /** Undefined where it cannot be had and its tests may be skipped. */
  readonly open: (limits?: Partial<RenderLimits>) => Promise<ChartRenderer | undefined>;
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

export const RENDERERS: readonly TestedRenderer[] = [helmProgram('helm3'), helmProgram('helm4')];

/** What the product promises over a link: the link's own time, nearly, and less than anything else. */
import type { LinkProfile } from './link.ts';
import { OURS } from './our-contenders.ts';
import type { Result } from './run.ts';
import { wallS } from './statistics.ts';
import type { Target } from './targets.ts';

/** Over the time that the link needs for the bytes alone. */
const MAX_OVER_LINK = 1.35;
const STAGES = ['build', 'load', 'mirror'] as const;

/** All targets, held against results. */
export function judgeLink(results: readonly Result[], link: LinkProfile): readonly Target[] {
  return STAGES.flatMap((stage): readonly Target[] => {
    const all = results.filter((result) => result.stage === stage);
    const ours = all.find(({ name }) => name === OURS);
    const wall = ours && wallS(ours);
    if (ours === undefined || wall === undefined) return [];
    const over = { text: `${stage}: over the link's own time`, bound: 'at most', limit: MAX_OVER_LINK } as const;
    const peers = all
      .filter((result) => result !== ours)
      .flatMap((result): readonly Target[] => {
        const theirs = wallS(result);
        const text = `${stage}: times faster than ${result.name}`;
        return [
          { text, bound: 'at least', limit: 1, unit: '×', value: theirs === undefined ? undefined : theirs / wall },
        ];
      });
    return [{ ...over, unit: '×', value: wall / (ours.bytes / link.inAll) }, ...peers];
  });
}

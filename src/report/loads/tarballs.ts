/** What a load of whole tarballs did or would do with each of them, for people and for machines. */
import type { PlannedTar, Replaced, TarballPlan } from '../../operations/load/tarballs.ts';
import { formatBytes, formatCount, formatTable } from '../format.ts';
import { joinDescribed, type Described } from './load-report.ts';
import { describeSkipped } from './transfers.ts';

/** @param isDone Whether those that were missing are there now. */
export function describeTarballs(
  { tarballs, skipped }: Pick<TarballPlan, 'tarballs' | 'skipped'>,
  isDone: boolean,
): Described {
  const replaced = tarballs.flatMap(({ replaces }) => replaces);
  return joinDescribed(describeEach(tarballs, isDone), describeSkipped(skipped), describeReplaced(replaced, isDone));
}

function describeReplaced(replaced: readonly Replaced[], isDone: boolean): Described {
  return {
    document: { replaced },
    lines: replaced.map(({ name, previous }) => {
      const was = previous === undefined ? 'another file of this name' : `${previous}`;
      return `  ${name} ${isDone ? 'replaced' : 'would replace'} ${was}`;
    }),
  };
}

function describeEach(tarballs: readonly PlannedTar[], isDone: boolean): Described {
  return {
    document: {
      tarballs: tarballs.map(({ member, platform, destination, descriptor, references, present }) => {
        const { size, digest } = descriptor;
        const result = present ? 'present' : isDone ? 'loaded' : 'missing';
        return { member, platform, destination, size, digest, references, result };
      }),
    },
    lines: formatTable(
      tarballs.map(({ member, platform, destination, descriptor, references, present }) => [
        present ? 'already there' : isDone ? 'loaded' : 'would load',
        destination,
        `${member} (${platform}, ${formatCount(references.length, 'image')}, ${formatBytes(descriptor.size)})`,
      ]),
      '  ',
    ),
  };
}

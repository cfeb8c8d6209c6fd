/** The product in every stage. */
import { join } from 'node:path';
import type { Contender, Site } from './contender.ts';
import { measure, type Command } from './measure.ts';
import * as ours from './ours.ts';

/** What the product is called in the tables. */
export const OURS = 'airgap';

/** Written to while the clock runs, so made anew for each run. */
function spec({ work, fixtures, source }: Site): Promise<void> {
  return fixtures.writeSpec(work, source);
}

/** A lock for the registry of this run, which may be the counting proxy. */
async function locked(site: Site): Promise<void> {
  await spec(site);
  await measure(ours.resolve(site.work));
}

async function load({ fixtures, target }: Site): Promise<Command> {
  return ours.load(await fixtures.archive(), await fixtures.keys(), target);
}

/** Ours, stage by stage. */
export function ourContenders(): readonly Contender[] {
  const common = { name: OURS, countsWire: true };
  return [
    { ...common, stage: 'resolve', prepare: spec, command: ({ work }) => ours.resolve(work) },
    { ...common, stage: 're-resolve', prepare: locked, command: ({ work }) => ours.resolve(work) },
    {
      ...common,
      stage: 'build',
      prepare: locked,
      command: async ({ work, fixtures }) => ours.build(work, await fixtures.keys(), join(work, ours.ARCHIVE)),
    },
    {
      name: OURS,
      stage: 'verify',
      command: async ({ fixtures }) => ours.verify(await fixtures.archive(), await fixtures.keys()),
    },
    { ...common, stage: 'load', command: load },
    { ...common, stage: 'no-op load', prepare: async (site) => void (await measure(await load(site))), command: load },
    { ...common, stage: 'mirror', prepare: locked, command: ({ work, target }) => ours.mirror(work, target) },
  ];
}

/** The field's tools in every stage they have an answer for. */
import { join } from 'node:path';
import { shell, type Contender, type Site } from './contender.ts';
import { measure, type Command } from './measure.ts';
import {
  craneBuild,
  hasTool,
  orasBuild,
  SKOPEOS,
  skopeoBuild,
  skopeoLoad,
  skopeoMirror,
  type Skopeo,
} from './peer-commands.ts';

/** Every tool that this machine has. */
export function peerContenders(): readonly Contender[] {
  const skopeos = SKOPEOS.filter(hasTool).flatMap(skopeoContenders);
  const others: readonly (Contender & { readonly tool: string })[] = [
    {
      tool: 'crane',
      stage: 'build',
      name: 'crane + tar',
      countsWire: true,
      command: ({ corpus, source, work }) => craneBuild(corpus, source, work),
    },
    {
      tool: 'oras',
      stage: 'build',
      name: 'oras + tar',
      countsWire: true,
      command: ({ corpus, source, work }) => orasBuild(corpus, source, work),
    },
  ];
  const extraction: Contender = {
    stage: 'verify',
    name: 'tar + sha256sum',
    command: async ({ work, fixtures }) =>
      shell([`tar xf ${await fixtures.archive()}`, 'sha256sum --quiet --check checksums.txt'], work),
  };
  return [...skopeos, ...others.filter(({ tool }) => hasTool(tool)), extraction];
}

function skopeoContenders(tool: Skopeo): readonly Contender[] {
  const load = async ({ corpus, fixtures, target }: Site): Promise<Command> =>
    skopeoLoad(tool, 'oci', join(await fixtures.layout(), 'layout'), corpus, target);
  return [
    {
      stage: 'build',
      name: `${tool} oci: + tar`,
      countsWire: true,
      command: ({ corpus, source, work }) => skopeoBuild(tool, corpus, source, work),
    },
    { stage: 'load', name: `${tool} oci:`, countsWire: true, command: load },
    {
      stage: 'load',
      name: `${tool} oci-archive:`,
      maxRuns: 1,
      command: async ({ corpus, fixtures, target }) =>
        skopeoLoad(tool, 'oci-archive', join(await fixtures.layout(), 'layout.tar'), corpus, target),
    },
    {
      stage: 'no-op load',
      name: `${tool} oci:`,
      prepare: async (site) => void (await measure(await load(site))),
      command: load,
    },
    {
      stage: 'mirror',
      name: tool,
      countsWire: true,
      command: ({ corpus, source, target }) => skopeoMirror(tool, corpus, source, target),
    },
  ];
}

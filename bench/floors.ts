/** What no program can beat: the same bytes moved or hashed and nothing done with them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shell, type Contender } from './contender.ts';

/** Names the targets refer to. */
export const FLOOR = {
  curl: 'curl -Z to null',
  cat: 'cat to null',
  openssl: 'openssl',
  halves: '2 openssl, halves',
} as const;

/** The floors of build and verify. */
export function floorContenders(): readonly Contender[] {
  return [
    {
      stage: 'build',
      name: FLOOR.curl,
      prepare: async ({ corpus, source, work }) => {
        const transfers = corpus.blobs.map(
          ({ repository, digest }) =>
            `url = "http://${source}/v2/${repository}/blobs/${digest}"\noutput = "/dev/null"\n`,
        );
        await writeFile(join(work, 'transfers'), transfers.join(''));
      },
      command: ({ work }) => ({
        argv: ['curl', '--silent', '--fail', '--parallel', '--parallel-max', '4', '--config', join(work, 'transfers')],
      }),
    },
    {
      stage: 'verify',
      name: FLOOR.cat,
      command: async ({ fixtures }) => shell([`cat ${await fixtures.archive()} >/dev/null`]),
    },
    {
      stage: 'verify',
      name: FLOOR.openssl,
      command: async ({ fixtures }) => ({ argv: ['openssl', 'dgst', '-sha256', await fixtures.archive()] }),
    },
    {
      stage: 'verify',
      name: FLOOR.halves,
      command: async ({ fixtures }) =>
        shell(['openssl dgst -sha256 half-aa & openssl dgst -sha256 half-ab', 'wait'], await fixtures.halves()),
    },
  ];
}

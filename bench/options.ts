/** What `npm run bench -- …` takes. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { STAGES, type Stage } from './contender.ts';
import { parseLink, type LinkProfile } from './link.ts';

/** Platforms of every image of the corpus. */
export const PLATFORMS: readonly string[] = ['linux/amd64', 'linux/arm64'];

export const USAGE = `npm run bench [-- OPTIONS]
  --images N        repositories, two platforms each (12)
  --size MB         about how many unique megabytes of blobs (1550)
  --runs N          timed runs of each contender, after one warm-up (3)
  --only A,B        stages: ${STAGES.join(', ')}
  --without A,B     contenders to leave out, by any part of their name
  --cache DIR       where corpora are kept
  --work DIR        where runs write
  --json FILE       also write every measurement there
  --link PROFILE    over such a link: rtt=40ms,per=10MB,all=60MB (per connection, and of all); 417 MB unless --size says else
  --rss 1,10        instead: peak memory with corpora of so many gigabytes
`;

/** Parsed options. */
export interface Options {
  readonly images: number;
  readonly sizeMb: number;
  readonly runs: number;
  readonly stages: readonly Stage[];
  readonly without: readonly string[];
  readonly cache: string;
  readonly work: string;
  readonly json: string | undefined;
  readonly rssGb: readonly number[];
  readonly link: LinkProfile | undefined;
}

/** Reads the command line; undefined when help is asked for. @throws Error naming what is wrong. */
export function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      images: text,
      size: text,
      runs: text,
      only: text,
      without: text,
      cache: text,
      work: text,
      json: text,
      rss: text,
      link: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return undefined;
  const folder = join(tmpdir(), 'airgap-bench');
  return {
    images: toCount('--images', values.images ?? '12'),
    sizeMb: toCount('--size', values.size ?? (values.link === undefined ? '1550' : '417')),
    runs: toCount('--runs', values.runs ?? '3'),
    stages: values.only === undefined ? STAGES : values.only.split(',').map(toStage),
    without: values.without?.split(',') ?? [],
    cache: values.cache ?? folder,
    work: values.work ?? join(folder, 'work'),
    json: values.json,
    rssGb: values.rss?.split(',').map((part) => toCount('--rss', part)) ?? [],
    link: values.link === undefined ? undefined : parseLink(values.link),
  };
}

function toCount(name: string, text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`${name} takes a whole number from 1 on, not ${text}`);
  return count;
}

function toStage(text: string): Stage {
  const stage = STAGES.find((name) => name === text);
  if (stage === undefined) throw new Error(`there is no stage ${text}; there are ${STAGES.join(', ')}`);
  return stage;
}

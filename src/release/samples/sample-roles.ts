/** What the images of the shipped release do in a cluster, as far as their samples do the same. */

/**
 * What a command of a sample does: `serve` until it is stopped; `report` that it did nothing; `read-config`, which fails
 * if the file of `--config-file=` cannot be opened; `write-output`, which fails if no file can be made in the folder of
 * `--output=`. So what a chart mounts wrongly shows on a real node.
 */
export type SampleCommand = 'serve' | 'report' | 'read-config' | 'write-output';

/** How one image behaves. */
export interface SampleRole {
  /** TCP ports, each answered while it serves. Empty: it is a client, which ends without a command. */
  readonly ports: readonly number[];
  /** The start of an argument that sets the port instead. */
  readonly portArgument?: string;
  /** `http`: every request is answered with 200. `postgresql`: every connection is told that there are no data. */
  readonly answer: 'http' | 'postgresql';
  /** By the first argument. */
  readonly commands: Readonly<Record<string, SampleCommand>>;
  /** What any other first argument does. */
  readonly otherwise: 'serve' | 'refuse';
  /** Whether a port that cannot be had ends it. */
  readonly needsPorts: boolean;
  /** A second name of its program. */
  readonly alias?: string;
  /** The name of a program beside it that says whether `ports` accept connections. */
  readonly probe?: string;
}

const SERVER: Omit<SampleRole, 'ports'> = { answer: 'http', commands: {}, otherwise: 'serve', needsPorts: true };

/** Of images that no role is known for: they stay up, whatever they are told. Two may lie in one pod. */
const OTHER: SampleRole = { ...SERVER, ports: [8080], needsPorts: false };

const ROLES: Readonly<Record<string, SampleRole>> = {
  'hexabase/control-plane': {
    ...SERVER,
    ports: [8080, 8443, 9090],
    commands: { serve: 'serve', migrate: 'report' },
    otherwise: 'refuse',
  },
  'hexabase/ui': { ...SERVER, ports: [8080] },
  'hexabase/edge-agent': { ...SERVER, ports: [8081] },
  'hexabase/database': {
    ...SERVER,
    ports: [5432],
    portArgument: 'port=',
    answer: 'postgresql',
    probe: 'pg_isready',
  },
  'hexabase/cli': {
    ...SERVER,
    ports: [],
    commands: { init: 'read-config', backup: 'write-output', 'rotate-keys': 'report' },
    otherwise: 'refuse',
    alias: 'hexabase-cli',
  },
};

/** The role of the images of a repository, which is named without its registry. */
export function roleOf(repository: string): SampleRole {
  return Object.hasOwn(ROLES, repository) ? (ROLES[repository] as SampleRole) : OTHER;
}

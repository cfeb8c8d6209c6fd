/** Opens the stores that take images by reference, from what `--to` says. */
import { assertCaFile } from '../../base/http/tls-files.ts';
import { existsSync } from 'node:fs';
import { retryPolicy } from '../../base/retry.ts';
import { atTarget } from '../../content/faults.ts';
import { UsageError } from '../../errors.ts';
import { readNameMap } from './name-map.ts';
import { createLayoutTarget, createRegistryTarget, type ImageTarget } from './image-target.ts';
import type { RegistryListener } from '../../stores/registry/registry-listener.ts';
import { Registries } from '../../stores/registry/registries.ts';
import type { TargetAddress } from './target-address.ts';
import { openLayout } from '../../stores/layout/oci-layout.ts';
import { MemoryStore } from '../../stores/memory.ts';

/** How {@link openImageTarget} opens a target. */
export interface OpenTargetOptions {
  /** Make nothing: a layout that does not exist is an empty one. @defaultValue false */
  readonly plan?: boolean | undefined;
  /** Take what a layout holds under a digest for that content, without reading it. @defaultValue false */
  readonly trustTarget?: boolean | undefined;
  /** Leave the original registry out of the path; collisions are refused. @defaultValue false */
  readonly stripRegistry?: boolean | undefined;
  /** Segments of a path that the registry takes, the prefix included. @defaultValue any number */
  readonly maxPathDepth?: number | undefined;
  /** One segment below the prefix for each repository. @defaultValue false */
  readonly flatten?: boolean | undefined;
  /** Whether the registry will be asked for every blob; anything else is, in any case. @defaultValue false */
  readonly thorough?: boolean | undefined;
  /** File of names that repositories get; see name-map.ts. */
  readonly nameMap?: string | undefined;
  /** PEM file with certificate authorities to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** Hosts outside the registry's domain that it may send uploads and token requests to. @defaultValue none */
  readonly allowHosts?: readonly string[] | undefined;
  /** Speak HTTP to the registry; loopback ones are tried without being told. @defaultValue false */
  readonly plainHttp?: boolean | undefined;
  /** Accept any certificate. @defaultValue false */
  readonly insecure?: boolean | undefined;
  /** How often a request that fails is sent again. @defaultValue 4 */
  readonly retries?: number | undefined;
  /** Requests, uploads and downloads at the same time at most, each. @defaultValue as many as the link has use for, up to 24 */
  readonly concurrency?: number | undefined;
  /** Told what the client of the registry does. */
  readonly listener?: RegistryListener | undefined;
  /** Accounts and proxies are looked up here. @defaultValue the environment of the process */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** An open target; closing it gives back connections and locks. */
export interface OpenImageTarget extends AsyncDisposable {
  /** The place for images. */
  readonly target: ImageTarget;
}

/**
 * Opens a registry or an OCI layout directory as a place for images. No request is made yet.
 * @throws UsageError when options do not fit the target.
 */
export async function openImageTarget(
  address: Extract<TargetAddress, { readonly kind: 'registry' | 'layout' }>,
  options: OpenTargetOptions = {},
): Promise<OpenImageTarget> {
  if (address.kind === 'layout') {
    refuse(options.stripRegistry === true, '--strip-registry', 'an OCI layout keeps the original image names');
    refuse(options.maxPathDepth !== undefined, '--max-path-depth', 'an OCI layout keeps the original image names');
    refuse(options.flatten === true, '--flatten', 'an OCI layout keeps the original image names');
    refuse(options.nameMap !== undefined, '--name-map', 'an OCI layout keeps the original image names');
    refuse(options.thorough === true, '--thorough', 'an OCI layout is asked for everything in any case');
    const noRegistry = 'no registry is asked';
    refuse(options.plainHttp === true, '--plain-http', noRegistry);
    refuse(options.insecure === true, '--insecure', noRegistry);
    refuse(options.allowHosts !== undefined && options.allowHosts.length > 0, '--allow-host', noRegistry);
    const name = `oci:${address.directory}`;
    if (options.plan === true && !existsSync(address.directory)) {
      return { target: createLayoutTarget(name, new MemoryStore(name)), [Symbol.asyncDispose]: async () => undefined };
    }
    const layout = await atTarget({ name }, () =>
      openLayout(address.directory, { create: options.plan !== true, trustsContent: options.trustTarget === true }),
    );
    return { target: createLayoutTarget(name, layout), [Symbol.asyncDispose]: () => layout.close() };
  }
  refuse(options.trustTarget === true, '--trust-target', 'a registry answers for what it holds');
  const { host, prefix } = address;
  assertCaFile(options.caFile);
  const registries = new Registries('push', {
    ...options.listener,
    caFile: options.caFile,
    allowHosts: options.allowHosts ?? [],
    concurrency: options.concurrency,
    retry: retryPolicy(options.retries),
    environment: options.env ?? process.env,
    ...(options.plainHttp === true ? { plainHttp: true } : {}),
    insecure: options.insecure === true,
  });
  const target = createRegistryTarget(
    `docker://${[host, prefix].filter((part) => part !== '').join('/')}`,
    {
      ...{ host, prefix, stripRegistry: options.stripRegistry === true },
      maxDepth: depthOf(prefix, options),
      names: options.nameMap === undefined ? undefined : await readNameMap(options.nameMap),
    },
    (reference) => registries.repository(reference),
  );
  return { target, [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose]() };
}

/** Segments that paths may have. @throws UsageError when the prefix leaves no room, or two options say different things. */
function depthOf(prefix: string, { maxPathDepth, flatten = false }: OpenTargetOptions): number | undefined {
  const taken = prefix === '' ? 0 : prefix.split('/').length;
  if (flatten && maxPathDepth !== undefined) {
    throw new UsageError('USAGE', '--flatten and --max-path-depth exclude each other', {
      hint: `--flatten is --max-path-depth ${taken + 1} here`,
    });
  }
  if (maxPathDepth !== undefined && maxPathDepth <= taken) {
    throw new UsageError('USAGE', `--max-path-depth ${maxPathDepth} leaves no room below ${prefix}`, {
      hint: `the path after the host has ${taken} segments already`,
    });
  }
  return flatten ? taken + 1 : maxPathDepth;
}

/** @throws UsageError when the option was given where it means nothing. */
export function refuse(isGiven: boolean, option: string, why: string): void {
  if (isGiven) throw new UsageError('USAGE', `${option} does not apply here: ${why}`);
}

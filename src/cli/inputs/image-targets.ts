/** Opens the stores that take images by reference, from what `--to` says. */
import { existsSync } from 'node:fs';
import { atTarget } from '../../content/faults.ts';
import { UsageError } from '../../errors.ts';
import { createLayoutTarget, createRegistryTarget, type ImageTarget } from '../../release/mapping/image-target.ts';
import { Registries } from '../../stores/registry/registries.ts';
import type { TargetAddress } from '../../release/mapping/target-address.ts';
import { openLayout } from '../../stores/layout/oci-layout.ts';
import { MemoryStore } from '../../stores/memory.ts';
import type { Context } from '../context.ts';
import type { TargetOptions } from '../options/target-options.ts';

/** An open target; closing it gives back connections and locks. */
export interface OpenImageTarget extends AsyncDisposable {
  readonly target: ImageTarget;
}

/**
 * Opens a registry or an OCI layout directory. With `plan` nothing is made: a layout that does not exist is an empty one.
 * @throws UsageError when options do not fit the target.
 */
export async function openImageTarget(
  address: Extract<TargetAddress, { readonly kind: 'registry' | 'layout' }>,
  options: TargetOptions & Pick<Context, 'env'> & { readonly concurrency: number | undefined },
): Promise<OpenImageTarget> {
  if (address.kind === 'layout') {
    refuse(options.stripRegistry, '--strip-registry', 'an OCI layout keeps the original image names');
    const name = `oci:${address.directory}`;
    if (options.plan && !existsSync(address.directory)) {
      return { target: createLayoutTarget(name, new MemoryStore(name)), [Symbol.asyncDispose]: async () => undefined };
    }
    const layout = await atTarget({ name }, () => openLayout(address.directory, { create: !options.plan }));
    return { target: createLayoutTarget(name, layout), [Symbol.asyncDispose]: () => layout.close() };
  }
  const { host, prefix } = address;
  const registries = new Registries('push', {
    caFile: options.caFile,
    concurrency: options.concurrency,
    environment: options.env,
    ...(options.plainHttp ? { plainHttp: true } : {}),
    insecure: options.insecure,
  });
  const target = createRegistryTarget(
    `docker://${[host, prefix].filter((part) => part !== '').join('/')}`,
    { host, prefix, stripRegistry: options.stripRegistry },
    (reference) => registries.repository(reference),
  );
  return { target, [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose]() };
}

/** @throws UsageError when the option was given where it means nothing. */
export function refuse(isGiven: boolean, option: string, why: string): void {
  if (isGiven) throw new UsageError('USAGE', `${option} does not apply here: ${why}`);
}

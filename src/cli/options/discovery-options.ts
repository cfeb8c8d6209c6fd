/** Options of every command that finds the images of a release. */
import type { OpenRenderer } from '../../operations/resolve/render-charts.ts';
import type { Context } from '../context.ts';
import { choice, flag } from '../command.ts';

/** `--no-render`. */
export const noRenderOption = flag(
  '--no-render',
  'do not render charts: only images that their annotations declare and that are listed are carried',
);

/** How images are found, and what becomes of those that only may be pulled. */
export const discoveryOptions = {
  noRender: noRenderOption,
  suspects: choice(
    '--suspects <mode>',
    'images that may be pulled and that the release neither accepts nor dismisses: refuse, or warn and go on without them',
    ['refuse', 'warn'],
  ),
} as const;

/**
 * The options as the operations take them; a helm is looked for on the PATH of the command. What renders charts is opened
 * once, and renders nothing twice for those who share it: to find images, to carry manifests, to check.
 */
export function readDiscovery(
  { env, signal }: Pick<Context, 'env' | 'signal'>,
  { noRender, suspects }: { readonly noRender: boolean; readonly suspects?: 'refuse' | 'warn' | undefined },
): {
  readonly render: boolean;
  readonly suspects: 'refuse' | 'warn' | undefined;
  readonly openRenderer: OpenRenderer | undefined;
} {
  const open: OpenRenderer = async () => {
    const { openChartRenderer } = await import('../../kubernetes/rendering/open-renderer.ts');
    const { rememberRenderings } = await import('../../kubernetes/rendering/remembered-renderings.ts');
    return rememberRenderings(await openChartRenderer({ path: env['PATH'], signal }));
  };
  let opened: ReturnType<OpenRenderer> | undefined;
  const openRenderer: OpenRenderer = () => (opened ??= open());
  return { render: !noRender, suspects, openRenderer: noRender ? undefined : openRenderer };
}

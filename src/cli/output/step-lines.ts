/** Shows a deployment while it is under way: each step, what it changed, and what it waits for. */
import type { DeployEvent } from '../../operations/deploy/deploy.ts';
import { formatKey } from '../../kubernetes/cluster/cluster-object.ts';
import { formatCount } from '../../report/format.ts';
import type { Output } from './output.ts';

/** Objects that one line names. */
const MAX_NAMED = 3;

/** A listener that writes to the output. */
export function noteSteps(output: Output): (event: DeployEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'begun':
        output.note(`step ${event.step}`);
        return;
      case 'applied':
        output.detail(`  ${event.result} ${event.object}`, {
          event: 'applied',
          object: event.object,
          result: event.result,
        });
        return;
      case 'init':
        output.note(event.what === 'done' ? `  ${event.title} has run already` : initLine(event.title, event.what));
        return;
      case 'waiting': {
        const { waiting } = event;
        const named = waiting.slice(0, MAX_NAMED).map(({ key, status }) => {
          return status.message === '' ? formatKey(key) : `${formatKey(key)} (${status.message})`;
        });
        const more = waiting.length > MAX_NAMED ? ` and ${waiting.length - MAX_NAMED} more` : '';
        output.note(`  waiting for ${named.join(', ')}${more}`);
        return;
      }
      case 'leftovers':
        output.note(
          `  no longer part of the release: ${event.leftovers.prunable.map(formatKey).join(', ') || 'nothing that may be deleted'}`,
        );
        return;
      case 'done':
        output.detail(`  step ${event.step} is done, ${formatCount(event.changed, 'change')}`, {
          event: 'step',
          step: event.step,
          changed: event.changed,
        });
    }
  };
}

function initLine(title: string, what: 'runs' | 'runs again'): string {
  return what === 'runs'
    ? `  ${title} runs`
    : `  ${title} runs again: an earlier run began it, and did not see its end`;
}

import type { Command } from 'commander';
import { addCommand, conclude, readConfiguration, type CommonOptions } from './command.ts';
import { chooseSensors } from './choose-sensors.ts';
import { renderTable } from './table.ts';

/** `fairlead sensor list [name…]` */
export function addSensorList(group: Command): void {
  addCommand(group, {
    usage: 'list',
    summary: 'show the sensors of the configuration',
    examples: ['fairlead sensor list'],
  })
    .argument('[name...]', 'sensors (default: all)')
    .action((typed: string[], options: CommonOptions) => {
      const sensors = chooseSensors(typed, readConfiguration(options), 'list').map((sensor) => {
        const { name, url, stream, profile, rest, out } = sensor;
        return {
          sensor: name,
          url: shown(url),
          stream,
          profile,
          rest: rest ? shown(rest) : null,
          out,
        };
      });
      const titles = ['sensor', 'url', 'stream', 'profile', 'rest', 'recordings'];
      const rows = sensors.map((sensor) => Object.values(sensor).map((value) => value ?? '–'));
      const text = renderTable(
        titles.map((title) => ({ title })),
        rows,
      );
      conclude({ json: { sensors }, text }, options);
    });
}

/** Without the password. */
function shown(url: string): string {
  const result = new URL(url);
  if (result.password) result.password = '***';
  return result.pathname === '/' ? result.href.replace(/\/$/, '') : result.href;
}

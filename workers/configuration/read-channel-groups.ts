import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Fault } from './faults.ts';
import { packageRoot } from './package-root.ts';
import { usualGroups, type ConfigurationFile } from './schema.ts';

export interface ChannelGroup {
  number: number;
  name: string;
  /** Absolute. */
  file: string;
  channels: string[];
}

const groupsOfPackage = usualGroups.map((group) => ({
  ...group,
  file: join(packageRoot, group.file),
}));

const SHOWN_FAULTS = 5;

/** Reads each group's channels; files are relative to the folder of the configuration. */
export function readChannelGroups(
  groups: ConfigurationFile['channelGroups'],
  folder: string,
): { groups: ChannelGroup[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const read = (groups ?? groupsOfPackage).map((group, index) => {
    const file = resolve(folder, group.file);
    const { channels, fault } = readChannels(file);
    if (fault) faults.push({ path: ['channelGroups', index, 'file'], message: fault });
    return { ...group, file, channels };
  });
  return {
    groups: read,
    faults: [...faults, ...sameTwice(read, 'number'), ...sameTwice(read, 'name'), ...inTwo(read)],
  };
}

/** The files that cannot be read, of groups that may have other faults as well. */
export function unreadableFiles(groups: unknown, folder: string): Fault[] {
  if (!Array.isArray(groups)) return [];
  return groups.flatMap((group: { file?: unknown } | null, index): Fault[] => {
    if (typeof group?.file !== 'string' || group.file === '') return [];
    const { fault } = readChannels(resolve(folder, group.file));
    return fault ? [{ path: ['channelGroups', index, 'file'], message: fault }] : [];
  });
}

function readChannels(file: string): { channels: string[]; fault?: string } {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const channels = lines.map((line) => line.trim()).filter((line) => line && line[0] !== '#');
    return channels.length > 0
      ? { channels }
      : { channels, fault: `names ${file}, which is empty` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { channels: [], fault: `names ${file}, which cannot be read (${code})` };
  }
}

function sameTwice(groups: ChannelGroup[], key: 'number' | 'name'): Fault[] {
  return groups.flatMap((group, index): Fault[] => {
    const first = groups.findIndex((other) => other[key] === group[key]);
    if (first === index) return [];
    const message = `is ${group[key]}, as in channelGroups[${first}]`;
    return [{ path: ['channelGroups', index, key], message }];
  });
}

function inTwo(groups: ChannelGroup[]): Fault[] {
  const groupOf = new Map<string, string>();
  return groups.flatMap((group, index): Fault[] => {
    const twice = group.channels.flatMap((channel) => {
      const other = groupOf.get(channel);
      groupOf.set(channel, group.name);
      return other === undefined ? [] : [`${channel} (already in ${other})`];
    });
    if (twice.length === 0) return [];
    const more = twice.length > SHOWN_FAULTS ? ` and ${twice.length - SHOWN_FAULTS} more` : '';
    const message = `lists channels a second time: ${twice.slice(0, SHOWN_FAULTS).join(', ')}${more}`;
    return [{ path: ['channelGroups', index, 'file'], message }];
  });
}

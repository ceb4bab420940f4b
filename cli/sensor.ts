import type { Command } from 'commander';
import { addCommandGroup } from './command-group.ts';
import { addSensorHold } from './sensor-hold.ts';
import { addSensorList } from './sensor-list.ts';
import { addSensorStart } from './sensor-start.ts';
import { addSensorStatus } from './sensor-status.ts';
import { addSensorStop } from './sensor-stop.ts';

/** `fairlead sensor <verb>` */
export function addSensor(program: Command): void {
  const group = addCommandGroup(program, {
    usage: 'sensor',
    summary: "hold sensors' streams open, as sessions or in the foreground",
    examples: [
      'fairlead sensor start pier-3',
      'fairlead sensor hold --url ws://127.0.0.1:5050 --out recordings',
    ],
  });
  addSensorList(group);
  addSensorStart(group);
  addSensorStop(group);
  addSensorStatus(group);
  addSensorHold(group);
}

import type { Command } from 'commander';
import { addCommandGroup } from './command-group.ts';
import { addApplyChange, addHealth } from './sensr/health.ts';
import { addProject } from './sensr/project-commands.ts';
import { addRequest } from './sensr/request.ts';
import { addSensors, addZones } from './sensr/settings-commands.ts';

/** `fairlead sensr <resource> <verb>` */
export function addSensr(program: Command): void {
  const sensr = addCommandGroup(program, {
    usage: 'sensr',
    summary: "a sensor server's REST commands",
    examples: [
      'fairlead sensr sensors list',
      'fairlead sensr zones get 1001 --base http://sensor.example:9080',
      'fairlead sensr project load pier --sensor pier-3',
    ],
  });
  addSensors(sensr);
  addZones(sensr);
  addProject(sensr);
  addApplyChange(sensr);
  addHealth(sensr);
  addRequest(sensr);
}

/**
 * The messages of both streams, as far as they are public (version 3.2). What newer versions add stays in the
 * recording all the same, because the bytes are kept as they came.
 */
export const protoFiles = {
  'google/protobuf/timestamp.proto': `
syntax = "proto3";
package google.protobuf;

message Timestamp {
  int64 seconds = 1;
  int32 nanos = 2;
}
`,
  'sensr_proto/global_type.proto': `
syntax = "proto3";

message Vector2 { float x = 1; float y = 2; }
message Vector3 { float x = 1; float y = 2; float z = 3; }
message Quaternion { float x = 1; float y = 2; float z = 3; float w = 4; }
`,
  'sensr_proto/type.proto': `
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "sensr_proto/global_type.proto";
package sensr_proto;

enum LabelType {
  LABEL_NONE = 0;
  LABEL_CAR = 1;
  LABEL_PEDESTRIAN = 2;
  LABEL_CYCLIST = 3;
  LABEL_MISC = 4;
  LABEL_GROUND = 5;
}

enum ZoneType {
  ZONE_TYPE_NONE = 0;
  ZONE_TYPE_EVENT = 1;
  ZONE_TYPE_EXCLUSION = 2;
  ZONE_TYPE_REFLECTION = 3;
  ZONE_TYPE_STATIC = 5;
  ZONE_TYPE_MAP_EXCLUSION = 6;
  ZONE_TYPE_BACKGROUND_REMOVAL = 7;
}

enum TrackingStatus {
  NONE = 0;
  VALIDATING = 1;
  INVALIDATING = 2;
  TRACKING = 3;
  DRIFTING = 4;
  EXPIRED = 5;
}

message BoundingBox { Vector3 position = 1; Vector3 size = 2; float yaw = 3; }

message PolygonBox { repeated Vector2 points = 1; float min_z = 2; float max_z = 3; }

message History {
  message State { Vector3 position = 1; google.protobuf.Timestamp timestamp = 2; }
  repeated State states = 2;
}

message Prediction {
  message ReachableSet { float t_offset = 1; PolygonBox space = 2; }
  repeated Vector3 positions = 1;
  repeated ReachableSet reachable_set = 2;
}

message Object {
  int32 id = 1;
  LabelType label = 2;
  float confidence = 3;
  BoundingBox bbox = 4;
  Vector3 velocity = 5;
  TrackingStatus tracking_status = 6;
  float yaw_rate = 8;
  bool retro_reflective = 10;
  google.protobuf.Timestamp last_observed_timestamp = 11;
  bool is_static = 12;
  bytes points = 101;
  History history = 102;
  Prediction prediction = 103;
  repeated int32 zone_ids = 104;
  bytes intensities = 105;
}
`,
  'sensr_proto/output.proto': `
syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "sensr_proto/global_type.proto";
import "sensr_proto/type.proto";
package sensr_proto;

message ZoneEvent {
  enum Type { NONE = 0; ENTRY = 1; EXIT = 2; LOITERING = 3; EXCEEDS_SPEED = 4; }
  message Object { int32 id = 1; Vector3 position = 2; float heading = 3; Vector3 velocity = 4; }
  google.protobuf.Timestamp timestamp = 1;
  int32 id = 2;
  Type type = 3;
  Object object = 4;
}

message LosingEvent {
  google.protobuf.Timestamp timestamp = 1;
  int32 id = 2;
  Vector3 position = 3;
  float heading = 4;
}

message OnlineRecalibrationEvent {
  google.protobuf.Timestamp timestamp = 1;
  string topic = 2;
  Vector3 translation = 3;
  Quaternion rotation = 4;
}

message SystemHealth {
  enum Status {
    NONE = 0;
    OK = 1;
    STORAGE_SHORTAGE = 2;
    SLOWDOWN = 3;
    INTERNAL_ERROR = 4;
    OUTPUT_BUFFER_OVERFLOW = 5;
  }
  message Node {
    enum Status {
      NONE = 0;
      OK = 1;
      ROS_ERROR = 2;
      LOST_CONNECTION = 3;
      INVALID_GPU_CONFIGURATION = 4;
      NETWORK_LATENCY = 5;
      INVALID_CONFIG = 6;
      INITIALIZATION_ERROR = 8;
      VERSION_MISMATCH = 9;
      EMPTY_ROSBAG_PLAY = 10;
      STORAGE_SHORTAGE = 11;
    }
    enum SensorStatus {
      SENSOR_DEAD = 0;
      SENSOR_ALIVE = 1;
      SENSOR_ERRONEOUS = 2;
      SENSOR_TILTED = 3;
      SENSOR_SUSPENDED = 4;
    }
    message Edge { Status status = 1; map<string, SensorStatus> sensors = 2; }
    Status status = 1;
    map<string, SensorStatus> sensors = 3;
    map<string, Edge> edges = 5;
  }
  Status master = 1;
  map<string, Node> nodes = 2;
}

message ZoneConfig {
  int32 id = 1;
  string name = 2;
  PolygonBox pbox = 3;
  ZoneType type = 4;
}

message StreamMessage {
  repeated Object objects = 1;
  google.protobuf.Timestamp first_cloud_arrival_timestamp = 2;
  bool has_objects = 3;
  repeated ZoneConfig zones = 101;
  SystemHealth health = 102;
  repeated Object static_objects = 103;
  bool has_zones = 104;
}

message EventMessage {
  repeated ZoneEvent zone = 1;
  repeated LosingEvent losing = 2;
  SystemHealth health = 3;
  repeated OnlineRecalibrationEvent online_recalibration = 4;
}

message CustomMessage { float bg_learning_progress = 101; }

message OutputMessage {
  google.protobuf.Timestamp timestamp = 1;
  StreamMessage stream = 3;
  EventMessage event = 201;
  CustomMessage custom = 301;
}
`,
  'sensr_proto/point_cloud.proto': `
syntax = "proto3";
package sensr_proto;

message PointResult {
  message PointCloud {
    enum Type { NONE = 0; GROUND = 1; BACKGROUND = 2; RAW = 3; }
    Type type = 1;
    string id = 2;
    bytes points = 3;
    bytes intensities = 4;
  }
  repeated PointCloud points = 1;
  string uid = 201;
}
`,
} as const;

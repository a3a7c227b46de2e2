// Rows for test/wire/fixtures/messages.jsonl, made by Apache Kafka's own classes: of each message named, each version once
// full, once with null wherever it may stand, once as the class is made. Run as a single source file with the jars of
// kafka-clients and jackson-databind on the class path and the names as arguments (`DescribeQuorumRequest …`). Values are
// chosen by the message's name, so that a row comes out the same each time.
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.*;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.utils.internals.*;

public class MessageFixtures {
  static final ObjectMapper JSON = new ObjectMapper();
  static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  static final String[] TEXTS = {"a", "orders", "group-1", "dead.letter_9", "événements", "流", "😀", "x".repeat(129)};
  static final String[] UUIDS = {"AAAAAAAAAAAAAAAAAAAAAQ", "vPRbgW9FTw6Tpm8RPgn-4Q", "_____________________w"};
  static final long[] NUMBERS = {1, -1, 3, 127, -128, 300, 32767, -32768, 65535, 65536, -70000, Integer.MAX_VALUE, Integer.MIN_VALUE,
      1L << 40, (1L << 53) - 1, -(1L << 53) + 1};
  static Random random;

  public static void main(String[] names) throws Exception {
    for (String name : names) {
      random = new Random(name.hashCode());
      Class<?> data = Class.forName("org.apache.kafka.common.message." + name + "Data");
      Class<?> converter = Class.forName(data.getName() + "JsonConverter");
      Schema[] schemas = (Schema[]) data.getField("SCHEMAS").get(null);
      Method read = converter.getMethod("read", JsonNode.class, short.class);
      Method write = converter.getMethod("write", data, short.class);
      for (short version = data.getField("LOWEST_SUPPORTED_VERSION").getShort(null); version < schemas.length; version++) {
        for (String kind : new String[] {"full", "nulls"}) {
          JsonNode value = struct(schemas[version], kind.equals("nulls"));
          row(name, version, kind, (Message) read.invoke(null, value, version), value);
        }
        row(name, version, "defaults", (Message) data.getConstructor().newInstance(), NODES.objectNode());
      }
    }
  }

  static void row(String name, short version, String kind, Message message, JsonNode value) throws Exception {
    ArrayNode row = NODES.arrayNode().add(name).add(version).add(kind);
    row.add(HexFormat.of().formatHex(MessageUtil.toByteBufferAccessor(message, version).buffer().array()));
    System.out.println(JSON.writeValueAsString(row.add(shown(value))));
  }

  static JsonNode struct(Schema schema, boolean nulls) {
    ObjectNode made = NODES.objectNode();
    for (BoundField field : schema.fields()) {
      if (field.def.type instanceof TaggedFields) continue;
      made.set(camelCase(field.def.name), value(field.def.type, nulls));
    }
    return made;
  }

  static JsonNode value(Type type, boolean nulls) {
    if (type.isNullable() && nulls) return NODES.nullNode();
    if (type instanceof Schema schema) return struct(schema, nulls);
    if (type.arrayElementType().isPresent()) {
      ArrayNode items = NODES.arrayNode();
      for (int i = 0; i < (nulls ? 1 : 2); i++) items.add(value(type.arrayElementType().get(), nulls));
      return items;
    }
    String kind = type.toString();
    if (kind.contains("STRING")) return NODES.textNode(TEXTS[random.nextInt(TEXTS.length)]);
    return switch (kind) {
      case "UUID" -> NODES.textNode(UUIDS[random.nextInt(UUIDS.length)]);
      case "BOOLEAN" -> NODES.booleanNode(true);
      case "INT8" -> number(-128, 127);
      case "INT16" -> number(-32768, 32767);
      case "UINT16" -> number(0, 65535);
      case "INT32" -> number(Integer.MIN_VALUE, Integer.MAX_VALUE);
      case "INT64" -> number(-(1L << 53) + 1, (1L << 53) - 1);
      default -> throw new IllegalStateException("no values of type " + kind);
    };
  }

  static JsonNode number(long lowest, long highest) {
    for (;;) {
      long one = NUMBERS[random.nextInt(NUMBERS.length)];
      if (one >= lowest && one <= highest) return NODES.numberNode(one);
    }
  }

  /** As the tests read it: ids as text with dashes. */
  static JsonNode shown(JsonNode value) {
    if (value.isTextual() && Arrays.asList(UUIDS).contains(value.asText())) {
      org.apache.kafka.common.Uuid id = org.apache.kafka.common.Uuid.fromString(value.asText());
      return NODES.textNode(new UUID(id.getMostSignificantBits(), id.getLeastSignificantBits()).toString());
    }
    if (value.isArray()) {
      ArrayNode items = NODES.arrayNode();
      value.forEach(item -> items.add(shown(item)));
      return items;
    }
    if (!value.isObject()) return value;
    ObjectNode made = NODES.objectNode();
    value.fields().forEachRemaining(field -> made.set(field.getKey(), shown(field.getValue())));
    return made;
  }

  static String camelCase(String name) {
    String[] words = name.split("_");
    StringBuilder made = new StringBuilder(words[0]);
    for (int i = 1; i < words.length; i++) made.append(Character.toUpperCase(words[i].charAt(0))).append(words[i].substring(1));
    return made.toString();
  }
}

#include "proto/serial/framer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace hubward;
using namespace hubward::serial;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

using Texts = std::vector<std::string>;

struct Seen {
  Texts contents;
  Texts whole;
  Texts bad;
  std::vector<ErrorCode> codes;
  Framer::Sink sink() {
    return {[this](const Frame& frame) {
              contents.emplace_back(frame.content);
              whole.emplace_back(frame.bytes);
            },
            [this](ErrorCode code, std::string_view beginning) {
              bad.emplace_back(beginning);
              codes.push_back(code);
            }};
  }
};

// A framer, what came out of it, and a clock.
struct Line {
  explicit Line(FrameSettings settings) : framer(std::move(settings)) {}
  void say(std::string_view text, std::size_t piece = 1000) {
    for (std::size_t at = 0; at < text.size(); at += piece) {
      framer.feed(now, std::as_bytes(std::span(text.substr(at, piece))), seen.sink());
    }
  }
  void pause(std::chrono::milliseconds length) { now += length; }

  Framer framer;
  Seen seen;
  SteadyTime now{};
};

FrameSettings lines(std::string end, std::size_t bytes_max = 100) {
  return {.framing = Delimited{.start = "", .end = std::move(end)}, .bytes_max = bytes_max};
}

FrameSettings between(std::string start, std::string end, std::size_t after = 0) {
  return {.framing =
              Delimited{.start = std::move(start), .end = std::move(end), .bytes_after_end = after},
          .bytes_max = 100};
}

const FrameSettings kNmea{.framing = Delimited{.start = "$", .end = "\r\n"},
                          .check = CheckSettings{.kind = CheckKind::Xor,
                                                 .form = CheckSettings::Form::Hex,
                                                 .end_offset = 2,
                                                 .skip_first = 1,
                                                 .skip_last = 1},
                          .bytes_max = 100};

// Allen-Bradley DF1 with CRC: DLE STX data DLE ETX CRC over data and ETX, low byte first.
const FrameSettings kDf1{.framing = Stuffed{.bytes_after_end = 2},
                         .check = CheckSettings{.kind = CheckKind::Crc16Arc,
                                                .byte_order = ByteOrder::LowFirst,
                                                .skip_first = 1},
                         .bytes_max = 100};

// As a frame of kDf1 stands on the wire.
std::string df1(std::string data) {
  const std::string crc = check_text(*kDf1.check, data + "\x03");
  std::string stuffed;
  for (const char c : data) stuffed += c == '\x10' ? "\x10\x10"s : std::string{c};
  return "\x10\x02" + stuffed + "\x10\x03" + crc;
}

}  // namespace

TEST_CASE("each framing finds its frames, in whatever pieces the bytes come") {
  struct Row {
    std::string why;
    FrameSettings settings;
    std::string bytes;
    Texts contents;
  };
  const CheckSettings bcc{.kind = CheckKind::Xor, .skip_first = 1};
  const Row rows[] = {
      {"two lines and a beginning", lines("\r\n"), "ab\r\ncd\r\nef", {"ab", "cd"}},
      {"a lone CR or LF is content", lines("\r\n"), "a\rb\nc\r\n", {"a\rb\nc"}},
      {"empty lines are lines", lines("\n"), "\n\na\n", {"", "", "a"}},
      {"CR CR LF: the first CR is content", lines("\r\n"), "a\r\r\n", {"a\r"}},
      {"delimiter of three with a false start", lines("END"), "xENEND", {"xEN"}},
      {"delimiter that overlaps itself", lines("aa"), "baaab", {"b"}},
      {"a NUL byte is a byte", lines("\n"), "a\0b\n"s, {"a\0b"s}},
      {"a byte behind the delimiter",
       {.framing = Delimited{.end = "\r", .bytes_after_end = 1}, .bytes_max = 9},
       "12\r\n34\r\r",
       {"12", "34"}},
      {"STX and ETX",
       between("\x02", "\x03"),
       "\x02"
       "12\x03\r\n\x02"
       "3\x03",
       {"12", "3"}},
      {"a mark of two", between("AA", "\n"), "xAAA1\nAAA\n", {"A1", "A"}},
      {"STX and ETX with BCC behind",
       {.framing = Delimited{.start = "\x02", .end = "\x03", .bytes_after_end = 1},
        .check = bcc,
        .bytes_max = 99},
       "\x02"
       "12\x03\x00\x02"
       "1\x03\x32"s,
       {"12", "1"}},
      {"a check that is a mark too",
       {.framing = Delimited{.start = "\x02", .end = "\x03", .bytes_after_end = 1},
        .check = bcc,
        .bytes_max = 99},
       "\x02"
       "01\x03\x02\x02"
       "1\x03\x32"s,
       {"01", "1"}},
      {"NMEA: checksum and asterisk are no content",
       kNmea,
       "$GPGLL,3723.2475,N,12158.3416,W,161229.487,A*2C\r\n",
       {"GPGLL,3723.2475,N,12158.3416,W,161229.487,A"}},
      {"fixed length",
       {.framing = FixedLength{.start = "", .bytes = 3}},
       "abcdefgh",
       {"abc", "def"}},
      {"fixed length with a mark and CRC",
       {.framing = FixedLength{.start = "\xAA", .bytes = 5},
        .check = CheckSettings{.kind = CheckKind::Crc16Xmodem}},
       "x\xAA"
       "12" +
           check_text({.kind = CheckKind::Crc16Xmodem},
                      "\xAA"
                      "12"),
       {"\xAA"
        "12"}},
      {"length of what follows",
       {.framing = LengthPrefixed{}},
       "\x02"
       "ab\x00\x01"
       "c"s,
       {"\x02"
        "ab",
        "\x00"s,
        "\x01"
        "c"}},
      {"length of 2 bytes, low first, of the whole frame, behind two more",
       {.framing = LengthPrefixed{.start = "\x55",
                                  .offset = 2,
                                  .width = 2,
                                  .byte_order = ByteOrder::LowFirst,
                                  .counts = LengthPrefixed::Counts::Frame}},
       "\x55"
       "A\x06\x00"
       "bc\x55"
       "D\x04\x00"s,
       {"\x55"
        "A\x06\x00"
        "bc"s,
        "\x55"
        "D\x04\x00"s}},
      {"length of 4 bytes that leaves a CRC out",
       {.framing = LengthPrefixed{.offset = 0, .width = 4, .add = 2}},
       "\0\0\0\x01"
       "abc\0\0\0\0de"s,
       {"\0\0\0\x01"
        "abc"s,
        "\0\0\0\0de"s}},
      {"DF1: stuffed, CRC right",
       kDf1,
       df1("\x01\x10\x03\x02") + df1("\x10"),
       {"\x01\x10\x03\x02", "\x10"}},
      {"STX and ETX bare, data escaped",
       {.framing = Stuffed{.marks_escaped = false}},
       "\x02"
       "a\x10\x03\x10\x10"
       "b\x03",
       {"a\x03\x10"
        "b"}},
      {"escaped data is changed, as PPP does",
       {.framing = Stuffed{.escape = '\x7D',
                           .start = '\x7E',
                           .end = '\x7F',
                           .marks_escaped = false,
                           .escape_xor = 0x20}},
       "\x7E"
       "a\x7D\x5E\x7F",
       {"a\x7E"}},
  };
  for (const Row& row : rows) {
    for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece) {
      CAPTURE(row.why);
      CAPTURE(piece);
      Line line(row.settings);
      line.say(row.bytes, piece);
      CHECK(line.seen.contents == row.contents);
      CHECK(line.seen.bad.empty());
      std::size_t in_frames = 0;
      for (const std::string& whole : line.seen.whole) in_frames += whole.size();
      if (!std::holds_alternative<Stuffed>(row.settings.framing)) {
        CHECK(in_frames + line.framer.dropped_bytes() + line.framer.bytes_held() ==
              row.bytes.size());
      }
    }
  }
}

TEST_CASE("a damaged frame is told, and the next one is read") {
  struct Row {
    std::string why;
    FrameSettings settings;
    std::string bytes;
    Texts contents;
    std::vector<ErrorCode> codes;
  };
  const std::string good =
      "$PX,1*" + check_text({.form = CheckSettings::Form::Hex}, "PX,1") + "\r\n";
  const FrameSettings checked{.framing = FixedLength{.start = "\xAA", .bytes = 4},
                              .check = CheckSettings{.kind = CheckKind::Sum8}};
  const std::string sound = "\xAA\x01\x02\xAD";
  using E = ErrorCode;
  const Row rows[] = {
      {"check wrong", kNmea, "$PX,2*39\r\n" + good, {"PX,1"}, {E::BadFrame}},
      {"the end was lost: a new start begins a new frame",
       kNmea,
       "$PX,1*3" + good,
       {"PX,1"},
       {E::BadPayload}},
      {"the start was lost", kNmea, good + "PX,1*3A\r\n" + good, {"PX,1", "PX,1"}, {E::BadFrame}},
      {"noise in front of the first frame is to be expected",
       kNmea,
       "\xFF\xFE" + good,
       {"PX,1"},
       {}},
      {"noise between", kNmea, good + "\xFF\xFE" + good, {"PX,1", "PX,1"}, {E::BadFrame}},
      {"line feeds and zeros between are nobody's business",
       kNmea,
       good + "\n\0\r "s + good,
       {"PX,1", "PX,1"},
       {}},
      {"a byte was lost: the next frame begins inside the damaged one",
       checked,
       "\xAA\x02\xAC" + sound + sound,
       {"\xAA\x01\x02", "\xAA\x01\x02"},
       {E::BadFrame}},
      {"start marks only",
       checked,
       "\xAA\xAA\xAA\xAA\xAA" + sound,
       {"\xAA\x01\x02"},
       {E::BadFrame, E::BadFrame, E::BadFrame, E::BadFrame, E::BadFrame}},
      {"a length over the limit",
       {.framing = LengthPrefixed{.start = "\x55", .offset = 1, .width = 2}, .bytes_max = 20},
       "\x55\xFF\xFF\x55\x00\x01x"s,
       {"\x55\x00\x01x"s},
       {E::BadFrame}},
      {"a length less than its own place",
       {.framing =
            LengthPrefixed{
                .start = "\x55", .offset = 1, .width = 1, .counts = LengthPrefixed::Counts::Frame}},
       "\x55\x01\x55\x03x",
       {"\x55\x03x"},
       {E::BadFrame}},
      {"DF1: CRC wrong",
       kDf1,
       "\x10\x02"
       "a\x10\x03\x00\x00"s +
           df1("b"),
       {"b"},
       {E::BadFrame}},
      {"DF1: a control symbol where data belongs",
       kDf1,
       "\x10\x02"
       "a\x10\x05" +
           df1("b"),
       {"b"},
       {E::BadFrame}},
      {"DF1: cut off by a new frame",
       kDf1,
       "\x10\x02"
       "a" +
           df1("b"),
       {"b"},
       {E::BadPayload}},
      {"a line whose check is wrong ends at its delimiter",
       {.framing = Delimited{.end = "\n"},
        .check =
            CheckSettings{
                .kind = CheckKind::Sum8, .form = CheckSettings::Form::Hex, .end_offset = 1}},
       "AB00\nAB83\n",
       {"AB"},
       {E::BadFrame}},
  };
  for (const Row& row : rows) {
    for (const std::size_t piece : {1U, 3U, 1000U}) {
      CAPTURE(row.why);
      CAPTURE(piece);
      Line line(row.settings);
      line.say(row.bytes, piece);
      CHECK(line.seen.contents == row.contents);
      CHECK(line.seen.codes == row.codes);
    }
  }
}

TEST_CASE("without marks the next frame begins after a silence, never by sliding along") {
  const FrameSettings settings{.framing = FixedLength{.start = "", .bytes = 4},
                               .check = CheckSettings{.kind = CheckKind::Sum8}};
  Line line(settings);
  line.say("\x01\x02\x03\x07");
  line.say("\x01\x02\x03\x06\x00\x00"s);  // a frame one byte further on would fit
  CHECK(line.seen.contents == Texts{});
  line.pause(51ms);
  line.say("\x01\x02\x03\x06");
  CHECK(line.seen.contents == Texts{"\x01\x02\x03"});
  CHECK(line.seen.codes == std::vector{ErrorCode::BadFrame});
  CHECK(line.framer.dropped_bytes() == 10);

  line.say("\x01\x02");  // the rest was lost
  line.pause(51ms);
  line.say("\x01\x02\x03\x06");
  CHECK(line.seen.contents.size() == 2);
  CHECK(line.seen.codes.back() == ErrorCode::BadPayload);
}

TEST_CASE("silences end frames of Gap, whether a timer or the next byte shows them") {
  Line line({.framing = Gap{20ms}, .bytes_max = 8});
  CHECK(!line.framer.silence_due());
  line.say("ab");
  line.pause(19ms);
  line.framer.on_silence(line.now, line.seen.sink());
  line.say("cd");
  CHECK(line.seen.contents.empty());
  CHECK(line.framer.silence_due() == line.now + 20ms);
  line.pause(20ms);
  line.framer.on_silence(line.now, line.seen.sink());
  CHECK(line.seen.contents == Texts{"abcd"});
  CHECK(!line.framer.silence_due());
  line.say("ef");
  line.pause(21ms);
  line.say("gh");
  CHECK(line.seen.contents == Texts{"abcd", "ef"});
  CHECK(line.seen.bad.empty());

  line.say("too long to be one");
  CHECK(line.seen.codes == std::vector{ErrorCode::InputTooLong});
  line.say("its rest");
  line.pause(21ms);
  line.say("ok");
  line.pause(21ms);
  line.framer.on_silence(line.now, line.seen.sink());
  CHECK(line.seen.contents == Texts{"abcd", "ef", "ok"});
}

TEST_CASE("a device cut off in the middle of a frame loses that one only") {
  for (const FrameSettings& settings : {lines("\r\n"), between("<", "\r\n")}) {
    Line line(settings);
    line.say("<1");
    line.pause(1000ms);  // a slow one is waited for
    line.say("2\r\n<3");
    line.pause(1001ms);
    line.say("<4\r\n");
    REQUIRE(line.seen.contents.size() == 2);
    CHECK(line.seen.contents[0].ends_with("12"));
    CHECK(line.seen.contents[1].ends_with("4"));
    CHECK(line.seen.bad == Texts{"<3"});
    CHECK(line.seen.codes == std::vector{ErrorCode::BadPayload});
  }
}

TEST_CASE("a line of exactly the limit is a line and one byte more is overlong") {
  for (const std::string end : {"\n", "\r\n", "END"}) {
    CAPTURE(end);
    Line line(lines(end, 5));
    line.say("12345" + end + "123456" + end + "ok" + end, 1);
    CHECK(line.seen.contents == Texts{"12345", "ok"});
    CHECK(line.seen.codes == std::vector{ErrorCode::InputTooLong});
    CHECK(line.framer.dropped_bytes() == 6 + end.size());
  }
}

TEST_CASE("an endless frame costs a bounded buffer, is told once, and the next one is read") {
  Line line(lines("\r\n", 16));
  for (int i = 0; i < 1000; ++i) {
    line.say(std::string(100, 'x'));
    CHECK(line.framer.bytes_held() <= 18);
  }
  CHECK(line.seen.bad == Texts{std::string(18, 'x')});
  CHECK(line.framer.dropped_bytes() >= 99'998);  // counted while it goes on
  line.say("y\r\nok\r\n");
  CHECK(line.seen.contents == Texts{"ok"});
  CHECK(line.framer.dropped_bytes() == 100'003);
}

TEST_CASE("noise without end is told once for as many bytes as a frame may have") {
  Line line({.framing = Delimited{.start = "$", .end = "\n"}, .bytes_max = 100});
  line.say("$\n");
  line.say(std::string(1001, 'x'));
  CHECK(line.seen.bad.size() == 10);
  CHECK(line.seen.bad[0] == std::string(64, 'x'));
  CHECK(line.framer.bytes_held() <= 1);
}

TEST_CASE("damaged frames without end are looked through within a bound") {
  // Each start mark could begin a frame that is as long as the limit.
  Line line(
      {.framing =
           LengthPrefixed{
               .start = "\x20", .offset = 0, .width = 2, .counts = LengthPrefixed::Counts::Frame},
       .check = CheckSettings{.kind = CheckKind::Crc32},
       .bytes_max = 65536});
  for (int i = 0; i < 100; ++i) {
    line.say(std::string(8224, '\x20'));
    CHECK(line.framer.bytes_held() <= 65536);
  }
  CHECK(line.framer.dropped_bytes() + line.framer.bytes_held() == 100 * 8224);
  CHECK(line.seen.contents.empty());
}

TEST_CASE("the delimiter that ends an overlong line may begin where the limit was reached") {
  Line line(lines("\r\n", 4));
  line.say("12345\r\nok\r\n", 1);
  CHECK(line.seen.bad == Texts{"12345\r"});
  CHECK(line.seen.contents == Texts{"ok"});
}

TEST_CASE("a stream joined in the middle of a frame begins with the next one") {
  struct Row {
    FrameSettings settings;
    std::string bytes;
  };
  const Row rows[] = {{lines("\r\n"), "2.345kg\r\nok\r\n"},
                      {between("<", ">"), "2.345kg><ok>"},
                      {{.framing = Delimited{.end = "\r", .bytes_after_end = 1}}, "2kg\r!ok\r\n"}};
  for (const Row& row : rows) {
    Line line(row.settings);
    line.framer.join();
    line.say(row.bytes, 3);
    CHECK(line.seen.contents == Texts{"ok"});
    CHECK(line.seen.bad.empty());
  }
  Line unmarked({.framing = FixedLength{.bytes = 2}});
  unmarked.framer.join();
  unmarked.say("abcde");
  unmarked.pause(51ms);
  unmarked.say("ok");
  CHECK(unmarked.seen.contents == Texts{"ok"});
}

TEST_CASE("joining in the middle of a delimiter finds its other half") {
  Line line(lines("\r\n"));
  line.say("half\r");
  line.framer.join();
  line.say("\nok\r\n");
  CHECK(line.seen.contents == Texts{"ok"});
}

TEST_CASE("a frame that was given up does not damage the next one") {
  Line line(lines("\r\n"));
  line.say("ST,GS,+  01");
  CHECK(line.framer.bytes_waiting() == 11);
  CHECK(line.framer.abandon() == "ST,GS,+  01");
  line.say("ok\r\n");
  CHECK(line.seen.contents == Texts{"ok"});
}

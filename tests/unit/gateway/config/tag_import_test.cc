#include "gateway/config/tag_import.h"

#include <doctest/doctest.h>

#include "gateway/config/device_file.h"
#include "gateway/config/schema.h"
#include "gateway/config/tag_columns.h"
#include "proto/json.h"

using namespace hubward;
using namespace hubward::config;

namespace {

// The first tag's JSON, or the first problem with its line.
std::string first(std::string_view csv, const TagCsvOptions& options = {}) {
  const auto imported = import_tags(csv, options);
  if (!imported.problems.empty()) {
    return std::to_string(imported.problems[0].line) + ": " + imported.problems[0].text;
  }
  const auto document = json::parse(imported.json);
  REQUIRE(document);
  return json::to_text((*json::find(*document, "tags"))[0]);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("columns become the keys of a tag, however they are called") {
  struct Row {
    const char* why;
    std::string_view csv;
    const char* tag;
  };
  const Row rows[] = {
      {"the configuration's own words", "name,address,type\noil,holding:4,int16\n",
       R"({"name":"oil","address":"holding:4","type":"int16"})"},
      {"any case, blanks and order", "Data Type;ADDRESS;Tag Name\nWord;40005;oil\n",
       R"({"type":"uint16","address":"manual:40005","name":"oil"})"},
      {"decimal comma behind semicolons",
       "name;address;type;scale;offset\noil;40005;int16;0,1;-5,5\n",
       R"({"name":"oil","address":"manual:40005","type":"int16","scale":0.1,"offset":-5.5})"},
      {"decimal comma in quotes", "name,address,type,scale\noil,40005,int16,\"0,1\"\n",
       R"({"name":"oil","address":"manual:40005","type":"int16","scale":0.1})"},
      {"six digits", "name,address,type\noil,400005,int16\n",
       R"({"name":"oil","address":"manual:400005","type":"int16"})"},
      {"coils as manuals number them", "name,address,type\nrun,00001,Boolean\n",
       R"({"name":"run","address":"manual:00001","type":"bool"})"},
      {"a bit of a register", "name,address,type\nrun,40005.3,bool\n",
       R"({"name":"run","address":"manual:40005","bit":3,"type":"bool"})"},
      {"a text", "name,address,type\nserial,400001.10H,String\n",
       R"({"name":"serial","address":"manual:400001","length":10,"type":"text"})"},
      {"Neuron's unit id", "name,address,type,decimal\noil,1!400005,INT16,0.1\n",
       R"({"name":"oil","address":"manual:400005","type":"int16","scale":0.1})"},
      {"word order as manuals name it", "name,address,type,order\noil,40005,float,CDAB\n",
       R"({"name":"oil","address":"manual:40005","type":"float32","word_order":"low_first"})"},
      {"both orders", "name,address,type,order\noil,40005,float,dcba\n",
       R"({"name":"oil","address":"manual:40005","type":"float32","word_order":"low_first",)"
       R"("byte_order":"low_first"})"},
      {"linear scaling",
       "name,address,type,Raw Low,Raw High,Scaled Low,Scaled High\noil,40005,word,0,1000,-50,150\n",
       R"({"name":"oil","address":"manual:40005","type":"uint16","scale":0.2,"offset":-50})"},
      {"no scaling, and limits all the same",
       "name,address,type,Scaling,Raw Low,Raw High,Scaled Low,Scaled High\n"
       "oil,40005,word,None,0,1000,-50,150\n",
       R"({"name":"oil","address":"manual:40005","type":"uint16"})"},
      {"a scaling that is left empty",
       "name,address,type,Raw Low,Raw High,Scaled Low,Scaled High\noil,40005,word,,,,\n",
       R"({"name":"oil","address":"manual:40005","type":"uint16"})"},
      {"units beyond ASCII",
       "name,address,type,unit\noil,40005,int16,\xC2\xB0"
       "C\n",
       "{\"name\":\"oil\",\"address\":\"manual:40005\",\"type\":\"int16\",\"unit\":\"\xC2\xB0"
       "C\"}"},
      {"writable by its own word",
       "name,address,type,writable,min,max\nset,40005,int16,yes,0,100\n",
       R"({"name":"set","address":"manual:40005","type":"int16","writable":true,"min":0,"max":100})"},
      {"raw numbers that stand for no value", "name,address,type,Bad Raw\noil,40005,int16,0x8000\n",
       R"({"name":"oil","address":"manual:40005","type":"int16","bad_raw":["0x8000"]})"},
      {"several of them", "name;address;type;bad_raw\noil;40005;int16;0x8000, -1  32767\n",
       R"({"name":"oil","address":"manual:40005","type":"int16","bad_raw":["0x8000","-1","32767"]})"},
      {"to all units of a line",
       "name,address,type,writable,min,max,broadcast\nset,40005,int16,yes,0,9,yes\n",
       R"({"name":"set","address":"manual:40005","type":"int16","writable":true,"min":0,"max":9,)"
       R"("broadcast":true})"},
      {"to one alone", "name,address,type,broadcast\nset,40005,int16,no\n",
       R"({"name":"set","address":"manual:40005","type":"int16"})"},
      {"a byte order mark, Windows", "\xEF\xBB\xBFname;address;type\r\noil;40005;int16\r\n",
       R"({"name":"oil","address":"manual:40005","type":"int16"})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(first(row.csv) == row.tag);
  }
}

TEST_CASE("what is wrong in a row is said with its line") {
  struct Row {
    const char* why;
    std::string_view csv;
    const char* says;
  };
  const Row rows[] = {
      {"neither wire nor manual", "name,address,type\noil,12,int16\n",
       "2: \"address\": \"12\" names no table"},
      {"no such table", "name,address,type\noil,20001,int16\n", "names no table"},
      {"past the end of the table", "name,address,type\noil,manual:465537,int16\n", "2: "},
      {"nothing of both", "name,address,type\noil,D100,int16\n", "is no address"},
      {"16 or 32 bits", "name,address,type\noil,40005,INT\n", "may have 16 or 32 bits"},
      {"no type", "name,address,type\noil,40005,banana\n", "\"banana\" is no type"},
      {"a type is missing", "name,address,type\n\noil,40005,\n", "3: \"type\" is missing"},
      {"no number", "name,address,type,scale\noil,40005,int16,x\n",
       "2: \"scale\": \"x\" is no number"},
      {"thousands", "name;address;type;scale\noil;40005;int16;1.000,5\n", "is no number"},
      {"infinity", "name;address;type;scale\noil;40005;int16;inf\n", "is no number"},
      {"a comma that needed quotes", "name,address,type,scale\noil,40005,int16,0,1\n",
       "2: it has 5 fields, the first row 4"},
      {"a name that the cloud does not take", "name,address,type\noil temp,40005,int16\n",
       "2: \"name\" is \"oil temp\""},
      {"a name twice", "name,address,type\noil,40005,int16\noil,40006,int16\n", "3: "},
      {"an input that shall be written", "name,address,type,writable\noil,30005,int16,1\n",
       "can only be read"},
      {"a scaling with holes", "name,address,type,raw low\noil,40005,int16,3\n", "all four"},
      {"a comma that needed quotes, in a row that ends with nothing",
       "name,address,type,scale,offset,unit,description\noil,40013,int16,1,5,,l/s,\n",
       "2: it has 8 fields, the first row 7"},
      {"a scaling that is no line",
       "name,address,type,scaling,raw low,raw high,scaled low,scaled high\n"
       "oil,40005,int16,Square Root,0,1000,0,10\n",
       "2: \"scaling\": \"Square Root\" cannot be done"},
      {"a scaling without a span",
       "name,address,type,raw low,raw high,scaled low,scaled high\noil,40005,int16,1,1,0,9\n",
       "between equal limits"},
      {"no truth", "name,address,type,writable\noil,40005,int16,perhaps\n",
       "neither true nor false"},
      {"to all units, and nobody may write it", "name,address,type,broadcast\noil,40005,int16,x\n",
       "2: \"broadcast\" belongs to a tag that is \"writable\""},
      {"to all units, and read back from all",
       "name,address,type,writable,verify,broadcast\noil,40005,int16,x,x,x\n", "2: "},
      {"no raw number", "name,address,type,bad_raw\noil,40005,int16,NaN\n", "2: "},
      {"a raw number that does not fit", "name,address,type,bad_raw\noil,40005,int16,0x10000\n",
       "2: \"0x10000\" does not fit into the 16 bits of this tag"},
      {"no address at all", "name,type\noil,int16\n", "1: there is no column \"address\""},
      {"two columns for one key", "name,tag name,address\noil,oil,40005\n",
       "1: the columns \"name\" and \"tag name\" both say \"name\""},
      {"scale twice", "name,address,factor,scale\noil,40005,1,2\n", "both say \"scale\""},
      {"several units", "name,address,type\noil,1!40005,int16\nair,2!40005,int16\n",
       "1: the addresses are of several units (1, 2)"},
      {"nothing", "", "1: there is no table"},
      {"only a header", "name,address,type\n", "1: there is no tag in it"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const std::string said = first(row.csv);
    CAPTURE(said);
    CHECK(has(said, row.says));
  }
}

TEST_CASE("a row is called a row, and one that is separated otherwise is called that") {
  const auto tabs =
      import_tags("name,address,type\noil,holding:4,int16\nwater\tholding:5\tint16\n", {});
  REQUIRE(tabs.problems.size() == 1);
  CHECK(tabs.problems[0].line == 3);
  CHECK(has(tabs.problems[0].text,
            "1 field, the first row 3: are there tabs between them instead of commas?"));
  const auto without = import_tags("name,address,type\noil,holding:4,int16\nwater,,int16\n", {});
  REQUIRE(without.problems.size() == 1);
  CHECK(without.problems[0].line == 3);
  CHECK(has(without.problems[0].text, "\"address\" is missing in this row"));
}

TEST_CASE("every bad row is named at once, and nothing comes out while one is bad") {
  const auto imported = import_tags(
      "name,address,type\n1bad,40001,int16\nfine,40002,int16\nworse,99,int16\nworst,40004,"
      "float99\n",
      {});
  CHECK(imported.json.empty());
  REQUIRE(imported.problems.size() == 3);
  CHECK(imported.problems[0].line == 2);
  CHECK(imported.problems[1].line == 4);
  CHECK(imported.problems[2].line == 5);
}

TEST_CASE("that a tool lets everything be written is not taken over unless that is wished") {
  const std::string_view csv =
      "Tag Name,Address,Data Type,Client Access\nset,400001,Word,R/W\nget,400002,Word,RO\n";
  const auto careful = import_tags(csv, {});
  CHECK_FALSE(has(careful.json, "writable"));
  REQUIRE(careful.notes.size() == 1);
  CHECK(has(careful.notes[0], "1 tag may be written"));
  TagCsvOptions taken;
  taken.take_access = true;
  const auto imported = import_tags(csv, taken);
  CHECK(has(imported.json,
            R"("name":"set","address":"manual:400001","type":"uint16","writable":true)"));
  CHECK_FALSE(
      has(imported.json, R"("name":"get","address":"manual:400002","type":"uint16","writable")"));
  CHECK(imported.warnings.size() == 1);  // without a range
  CHECK(imported.warnings[0].line == 2);
}

TEST_CASE("Neuron's attribute is a sum or words") {
  TagCsvOptions taken;
  taken.take_access = true;
  struct Row {
    std::string attribute;
    bool writes;
  };
  const Row rows[] = {
      {"Read Write", true}, {"Read", false}, {"3", true}, {"1", false}, {"5", false}};
  for (const Row& row : rows) {
    CAPTURE(row.attribute);
    const std::string csv =
        "name,address,attribute,type\nset,1!400001," + row.attribute + ",INT16\n";
    CHECK(has(import_tags(csv, taken).json, "writable") == row.writes);
  }
}

TEST_CASE(
    "columns that nobody knows are named, and an interval is given where the table has none") {
  TagCsvOptions options;
  options.interval = std::chrono::milliseconds{2500};
  const auto imported = import_tags(
      "name,address,type,interval_ms,colour\noil,40001,int16,,red\nair,40002,int16,100,blue\n",
      options);
  REQUIRE(imported.notes.size() == 1);
  CHECK(imported.notes[0] == "not taken over: \"colour\"");
  CHECK(has(imported.json, R"("type":"int16","interval_ms":2500})"));
  CHECK(has(imported.json, R"("type":"int16","interval_ms":100})"));
}

TEST_CASE("every key of a Modbus tag has a column, but for those that one field cannot say") {
  const auto schema = json::parse(schema_json(FileKind::Device));
  REQUIRE(schema);
  const json::Value& keys = (*schema)["definitions"]["modbus_tag"]["properties"];
  CHECK(keys.MemberCount() > 30);
  for (const auto& member : keys.GetObject()) {
    const std::string key = member.name.GetString();
    CAPTURE(key);
    const TagColumn* const column = find_tag_column(key);
    REQUIRE(column != nullptr);
    CHECK(column->key == key);
    CHECK((column->kind == ColumnKind::OnlyInFiles) == (key == "names" || key == "unnamed"));
  }
  const auto imported =
      import_tags("name,address,type,Names,colour\nmode,40001,int16,0=off,red\n", {});
  CHECK(imported.count == 1);
  REQUIRE(imported.notes.size() == 2);
  CHECK(imported.notes[0] == "not taken over: \"colour\"");
  CHECK(imported.notes[1] ==
        "not taken over: \"Names\"; a field has no room for it, write it into the device's file");
}

TEST_CASE("a table whose tags are written to all units is for a serial line") {
  const auto imported = import_tags(
      "name,address,type,writable,min,max,broadcast\nset,40001,int16,1,0,9,1\nown,40002,int16,,,,"
      "\n",
      {});
  CHECK(imported.problems.empty());
  CHECK(imported.warnings.empty());
  REQUIRE(imported.notes.size() == 1);
  CHECK(
      imported.notes[0] ==
      "\"broadcast\" is for a device on a serial line (\"modbus_rtu\", \"modbus_rtu_tcp\"): Modbus "
      "TCP has none");
}

TEST_CASE("a table has no more tags than a device, and no more bytes than a file") {
  std::string csv = "name,address,type\n";
  for (std::size_t i = 0; i < kTagsMax; ++i) {
    csv += "t" + std::to_string(i) + ",holding:" + std::to_string(i) + ",int16\n";
  }
  CHECK(import_tags(csv, {}).count == kTagsMax);
  CHECK(has(first(csv + "one,holding:2000,int16\n"), "1002: a device has at most 1000 tags"));
  CHECK(has(first(std::string(1024 * 1024 + 1, 'x')), "larger than 1 MB"));
}

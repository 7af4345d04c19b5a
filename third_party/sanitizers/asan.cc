// What LeakSanitizer should keep quiet about: memory that the system's
// libraries never give back.

extern "C" const char* __lsan_default_suppressions();

const char* __lsan_default_suppressions() {
  return "leak:libcares.so\n"
         "leak:libgrpc.so\n";
}

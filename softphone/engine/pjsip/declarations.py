"""The C declarations of PJSIP 2.15 that the engine uses, for cffi's ABI mode.

From pjlib types.h and os.h, pjmedia codec.h, frame.h, jbuf.h, sdp.h, sdp_neg.h, audiodev.h, audiodev_imp.h, pjsua.h. The bit-fields of
pjmedia_codec_param's setting are declared as the byte they share, because cffi and gcc need not lay bit-fields out alike.
"""

CODEC_API = """
typedef struct { char *ptr; long slen; } pj_str_t;
typedef struct { int type; unsigned pt; pj_str_t encoding_name; unsigned clock_rate; unsigned channel_cnt; } pjmedia_codec_info;
typedef struct { pj_str_t name; pj_str_t val; } pjmedia_fmtp_param;
typedef struct { uint8_t cnt; pjmedia_fmtp_param param[16]; } pjmedia_codec_fmtp;
typedef struct {
    unsigned clock_rate; unsigned channel_cnt; uint32_t avg_bps; uint32_t max_bps; unsigned max_rx_frame_size;
    uint16_t frm_ptime; uint8_t frm_ptime_denum; uint16_t enc_ptime; uint8_t enc_ptime_denum; uint8_t pcm_bits_per_sample;
    uint8_t pt; uint32_t fmt_id;
} pjmedia_codec_param_info;
typedef struct {
    uint8_t frm_per_pkt; uint8_t flags; uint16_t unused;
    pjmedia_codec_fmtp enc_fmtp; pjmedia_codec_fmtp dec_fmtp; unsigned packet_loss; unsigned complexity; int cbr;
} pjmedia_codec_param_setting;
typedef struct { pjmedia_codec_param_info info; pjmedia_codec_param_setting setting; } pjmedia_codec_param;
typedef struct { int type; void *buf; size_t size; uint64_t timestamp; uint32_t bit_info; } pjmedia_frame;

typedef struct pjmedia_codec pjmedia_codec;
typedef struct pjmedia_codec_factory pjmedia_codec_factory;
typedef struct {
    int (*init)(pjmedia_codec *, void *pool);
    int (*open)(pjmedia_codec *, pjmedia_codec_param *);
    int (*close)(pjmedia_codec *);
    int (*modify)(pjmedia_codec *, const pjmedia_codec_param *);
    int (*parse)(pjmedia_codec *, void *pkt, size_t pkt_size, const uint64_t *ts, unsigned *frame_cnt, pjmedia_frame *frames);
    int (*encode)(pjmedia_codec *, const pjmedia_frame *input, unsigned out_size, pjmedia_frame *output);
    int (*decode)(pjmedia_codec *, const pjmedia_frame *input, unsigned out_size, pjmedia_frame *output);
    int (*recover)(pjmedia_codec *, unsigned out_size, pjmedia_frame *output);
} pjmedia_codec_op;
struct pjmedia_codec {
    pjmedia_codec *prev; pjmedia_codec *next; void *codec_data; pjmedia_codec_factory *factory; pjmedia_codec_op *op;
};
typedef struct {
    int (*test_alloc)(pjmedia_codec_factory *, const pjmedia_codec_info *);
    int (*default_attr)(pjmedia_codec_factory *, const pjmedia_codec_info *, pjmedia_codec_param *);
    int (*enum_info)(pjmedia_codec_factory *, unsigned *count, pjmedia_codec_info *infos);
    int (*alloc_codec)(pjmedia_codec_factory *, const pjmedia_codec_info *, pjmedia_codec **);
    int (*dealloc_codec)(pjmedia_codec_factory *, pjmedia_codec *);
    int (*destroy)(void);
} pjmedia_codec_factory_op;
struct pjmedia_codec_factory {
    pjmedia_codec_factory *prev; pjmedia_codec_factory *next; void *factory_data; pjmedia_codec_factory_op *op;
};

typedef struct { pj_str_t name; pj_str_t value; } pjmedia_sdp_attr;
typedef struct {
    pj_str_t media; uint16_t port; unsigned port_count; pj_str_t transport; unsigned fmt_count; pj_str_t fmt[32];
} pjmedia_sdp_media;
typedef int (*pjmedia_sdp_neg_fmt_match_cb)(void *pool, pjmedia_sdp_media *offer, unsigned o_fmt_idx,
                                            pjmedia_sdp_media *answer, unsigned a_fmt_idx, unsigned option);

char *pj_get_version(void);
void *pjsua_get_pjmedia_endpt(void);
void *pjmedia_endpt_get_codec_mgr(void *endpt);
int pjmedia_codec_mgr_register_factory(void *mgr, pjmedia_codec_factory *factory);
int pjmedia_codec_mgr_unregister_factory(void *mgr, pjmedia_codec_factory *factory);
int pjmedia_codec_mgr_find_codecs_by_id(void *mgr, const pj_str_t *id, unsigned *count, const pjmedia_codec_info **info, unsigned *prio);
int pjmedia_codec_mgr_get_default_param(void *mgr, const pjmedia_codec_info *info, pjmedia_codec_param *param);
int pjmedia_codec_mgr_set_codec_priority(void *mgr, const pj_str_t *id, uint8_t prio);
int pjmedia_sdp_neg_register_fmt_match_cb(const pj_str_t *fmt_name, pjmedia_sdp_neg_fmt_match_cb cb);
typedef struct { char *name; unsigned clock_rate; unsigned samples_per_frame; unsigned dec_samples_per_frame; uint32_t ssrc;
                 uint32_t rtp_ts_base; } pjmedia_rtcp_session_setting;
typedef struct { const uint8_t *rx_rtp; const uint8_t *tx_rtp; void *rtcp; } pjmedia_stream_rtp_sess_info;
int pjmedia_stream_get_rtp_session_info(void *stream, pjmedia_stream_rtp_sess_info *info);
void pjmedia_rtcp_update(void *session, const pjmedia_rtcp_session_setting *setting);
pjmedia_sdp_attr *pjmedia_sdp_media_find_attr2(const pjmedia_sdp_media *m, const char *name, const pj_str_t *fmt);

typedef struct pjmedia_jbuf pjmedia_jbuf;
typedef struct { unsigned frame_size; unsigned min_prefetch; unsigned max_prefetch; unsigned max_count; unsigned burst; unsigned prefetch;
                 unsigned size; unsigned avg_delay; unsigned min_delay; unsigned max_delay; unsigned dev_delay; unsigned avg_burst;
                 unsigned lost; unsigned discard; unsigned empty; } pjmedia_jb_state;
void *pj_pool_create_on_buf(const char *name, void *buf, size_t size);
int pjmedia_jbuf_create(void *pool, const pj_str_t *name, unsigned frame_size, unsigned ptime, unsigned max_count, pjmedia_jbuf **out);
int pjmedia_jbuf_set_adaptive(pjmedia_jbuf *jb, unsigned prefetch, unsigned min_prefetch, unsigned max_prefetch);
int pjmedia_jbuf_reset(pjmedia_jbuf *jb);
void pjmedia_jbuf_put_frame3(pjmedia_jbuf *jb, const void *frame, size_t size, uint32_t bit_info, int seq, uint32_t ts, int *discarded);
void pjmedia_jbuf_get_frame3(pjmedia_jbuf *jb, void *frame, size_t *size, char *type, uint32_t *bit_info, uint32_t *ts, int *seq);
int pjmedia_jbuf_get_state(const pjmedia_jbuf *jb, pjmedia_jb_state *state);
typedef struct pjmedia_wsola pjmedia_wsola;
int pjmedia_wsola_create(void *pool, unsigned clock_rate, unsigned samples_per_frame, unsigned channel_count, unsigned options,
                         pjmedia_wsola **out);
int pjmedia_wsola_discard(pjmedia_wsola *wsola, int16_t *buf1, unsigned buf1_cnt, int16_t *buf2, unsigned buf2_cnt, unsigned *erase_cnt);
"""

SOUND_API = """
typedef struct { uint32_t id; int type; int detail_type; unsigned clock_rate; unsigned channel_count; unsigned frame_time_usec;
                 unsigned bits_per_sample; uint32_t avg_bps; uint32_t max_bps; } pjmedia_format;
typedef struct { int id; char name[64]; unsigned input_count; unsigned output_count; unsigned default_samples_per_sec; char driver[32];
                 unsigned caps; unsigned routes; unsigned ext_fmt_cnt; pjmedia_format ext_fmt[8]; } pjmedia_aud_dev_info;
typedef struct { int dir; int rec_id; int play_id; unsigned clock_rate; unsigned channel_count; unsigned samples_per_frame;
                 unsigned bits_per_sample; unsigned flags; pjmedia_format ext_fmt; unsigned input_latency_ms; unsigned output_latency_ms;
                 unsigned input_vol; unsigned output_vol; int input_route; int output_route; int ec_enabled; unsigned ec_tail_ms;
                 int plc_enabled; int cng_enabled; int vad_enabled; } pjmedia_aud_param;
typedef int (*pjmedia_aud_cb)(void *user_data, pjmedia_frame *frame);

typedef struct pjmedia_aud_stream pjmedia_aud_stream;
typedef struct {
    int (*get_param)(pjmedia_aud_stream *, pjmedia_aud_param *);
    int (*get_cap)(pjmedia_aud_stream *, int cap, void *value);
    int (*set_cap)(pjmedia_aud_stream *, int cap, const void *value);
    int (*start)(pjmedia_aud_stream *);
    int (*stop)(pjmedia_aud_stream *);
    int (*destroy)(pjmedia_aud_stream *);
} pjmedia_aud_stream_op;
struct pjmedia_aud_stream { unsigned drv_idx; pjmedia_aud_stream_op *op; };

typedef struct pjmedia_aud_dev_factory pjmedia_aud_dev_factory;
typedef struct {
    int (*init)(pjmedia_aud_dev_factory *);
    int (*destroy)(pjmedia_aud_dev_factory *);
    unsigned (*get_dev_count)(pjmedia_aud_dev_factory *);
    int (*get_dev_info)(pjmedia_aud_dev_factory *, unsigned index, pjmedia_aud_dev_info *);
    int (*default_param)(pjmedia_aud_dev_factory *, unsigned index, pjmedia_aud_param *);
    int (*create_stream)(pjmedia_aud_dev_factory *, const pjmedia_aud_param *, pjmedia_aud_cb record, pjmedia_aud_cb play,
                         void *user_data, pjmedia_aud_stream **);
    int (*refresh)(pjmedia_aud_dev_factory *);
} pjmedia_aud_dev_factory_op;
struct pjmedia_aud_dev_factory { unsigned drv_idx; pjmedia_aud_dev_factory_op *op; };
typedef pjmedia_aud_dev_factory *(*pjmedia_aud_factory_create)(void *pool_factory);

int pjmedia_aud_register_factory(pjmedia_aud_factory_create create);
unsigned pjmedia_aud_dev_count(void);
int pjmedia_aud_dev_refresh(void);
typedef struct { int capture_dev; int playback_dev; unsigned mode; int use_default_settings; } pjsua_snd_dev_param;
int pjsua_set_snd_dev2(const pjsua_snd_dev_param *param);
int pjmedia_aud_dev_get_info(int id, pjmedia_aud_dev_info *info);
int pj_thread_register(const char *name, long *desc, void **thread);
int pj_thread_is_registered(void);
"""
